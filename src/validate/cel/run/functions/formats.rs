//! Named formats (`cel/library/format.go` of k8s.io/apiserver): what is wrong with a text.

use crate::manifest::names;

/// What is wrong with a text; `None` where nothing is.
pub(super) fn fault(format: &str, text: &str) -> Option<&'static str> {
    // A prefix may end with a dash, as more follows it.
    let name = match format.strip_suffix("Prefix") {
        Some(_) if text.len() > 1 && text.ends_with('-') => format!("{}a", &text[..text.len() - 1]),
        _ => text.to_owned(),
    };
    let of_schema = |format: &str| crate::validate::custom::has_format(format, text);
    let (fits, words) = match format.trim_end_matches("Prefix") {
        "dns1123Label" => (
            names::is_dns_label(&name),
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ),
        "dns1123Subdomain" => (
            names::is_dns_subdomain(&name),
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ),
        "dns1035Label" => (
            names::is_dns_1035_label(&name),
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        ),
        "qualifiedName" => (
            names::is_label_key(text),
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ),
        "labelValue" => (
            names::is_label_value(text),
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        "uri" => (of_schema("uri"), "invalid URI for request"),
        "uuid" => (of_schema("uuid"), "does not match the UUID format"),
        "byte" => (of_schema("byte"), "invalid base64"),
        "date" => (of_schema("date"), "invalid date"),
        _ => (of_schema("datetime"), "invalid datetime"),
    };
    (!fits).then_some(words)
}
