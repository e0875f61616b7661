//! Requests for certificates, and bundles of authorities (`pkg/apis/certificates/validation`).
//! Signatures are not verified.

use super::fields::{refuse_form, too_long};
use super::form::Form;
use super::pem;
use crate::manifest::Node;
use crate::validate::fault::Faults;
use crate::validate::scalar::decode_base64;
use crate::validate::view::{Finding, View};

/// `validateCertificateSigningRequest`.
pub(super) fn request(faults: &mut Faults<'_>, view: View<'_>) {
    signer(faults, view, view.text("signerName"));
    if view.text("signerName") == "kubernetes.io/legacy-unknown" {
        let reason = "the legacy signerName is not allowed via this API version";
        view.invalid(faults, "invalid-name", "signerName", reason, reason);
    }
    let texts: Vec<&str> = view
        .items("usages")
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect();
    for (index, text) in texts.iter().enumerate() {
        if texts[..index].contains(text) {
            let path = format!("usages[{index}]");
            view.duplicate(faults, &path, "this usage is here already");
        }
    }
    if view
        .int("expirationSeconds")
        .is_some_and(|seconds| seconds < 600)
    {
        let reason = "may not specify a duration less than 600 seconds (10 minutes)";
        view.invalid(
            faults,
            "out-of-range",
            "expirationSeconds",
            "600 at least",
            reason,
        );
    }
    let request = view.get("request").filter(|node| node.as_str() != Some(""));
    let Some(pem) = request.and_then(bytes) else {
        return;
    };
    let blocks = pem::blocks(&pem);
    let fault = match blocks.first() {
        Some(block) if block.kind == "CERTIFICATE REQUEST" => {
            (!is_signed(&block.bytes)).then_some("x509: malformed certificate request")
        }
        _ => Some("PEM block type must be CERTIFICATE REQUEST"),
    };
    if let Some(reason) = fault {
        let remark = "a certificate request in PEM, encoded in base64";
        view.invalid(faults, "invalid-certificate", "request", remark, reason);
    }
}

/// What a field of bytes holds: base64, or a list of numbers. `None` for what the decoder refuses.
fn bytes(node: &Node) -> Option<Vec<u8>> {
    let Some(items) = node.as_seq() else {
        return pem::decode(node.as_str()?.as_bytes());
    };
    let byte = |item: &Node| match item.is_null() {
        true => Some(0),
        false => u8::try_from(item.as_i64()?).ok(),
    };
    items.iter().map(byte).collect()
}

/// `ValidateSignerName`.
fn signer(faults: &mut Faults<'_>, view: View<'_>, text: &str) {
    if text.is_empty() {
        return;
    }
    const PATH: &str = "signerName";
    let Some((domain, name)) = text.split_once('/').filter(|(_, name)| !name.contains('/')) else {
        let reason =
            "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return view.invalid(faults, "invalid-name", PATH, "`example.com/name`", reason);
    };
    if text.len() > 571 {
        too_long(faults, view, PATH, 571);
    }
    if domain.len() > 253 {
        too_long(faults, view, PATH, 253);
    }
    let mut refuse = |mut labels: std::str::Split<'_, char>, form: Form| {
        let version = faults.version();
        let fault = labels.find_map(|label| Some((label, form.fault(label, version)?)));
        if let Some((label, words)) = fault {
            let reason = format!("validating label {label:?}: {words}");
            view.invalid(faults, "invalid-name", PATH, "`example.com/name`", reason);
        }
    };
    // The first label that is wrong is enough of each.
    refuse(domain.split('.'), Form::DnsLabel);
    refuse(name.split('.'), Form::DnsSubdomain);
    if domain.split('.').count() < 2 {
        let reason = "should be a domain with at least two segments separated by dots";
        view.invalid(faults, "invalid-name", PATH, "`example.com/name`", reason);
    }
}

/// `ValidateClusterTrustBundle`. The name begins with the signer's, `/` written as `:`.
pub(super) fn bundle(faults: &mut Faults<'_>, view: View<'_>) {
    let text = view.text("signerName");
    signer(faults, view, text);
    for (field, name) in faults.context().names() {
        if let Some(words) = bundle_name(&name, text, faults) {
            let finding = Finding {
                rule: "invalid-name",
                message: format!("the bundle cannot be called `{name}`"),
                remark: "the signer's name with `:` for `/`, another `:`, and a name",
                words: format!("Invalid value: {:?}: {words}", name.as_str()),
            };
            faults.found(field.to_owned(), view.at, finding);
        }
    }
    let pem = view.text("trustBundle");
    if !pem.is_empty() {
        trust(faults, view, pem);
    }
}

/// `ValidateClusterTrustBundleName`.
fn bundle_name(name: &str, signer: &str, faults: &Faults<'_>) -> Option<String> {
    let own = if signer.is_empty() {
        if name.contains(':') {
            let words = "ClusterTrustBundle without signer name must not have \":\" in its name";
            return Some(words.to_owned());
        }
        name
    } else {
        let prefix = format!("{}:", signer.replace('/', ":"));
        match name.strip_prefix(&prefix) {
            Some(own) => own,
            None => {
                return Some(format!(
                    "ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"
                ));
            }
        }
    };
    // A dash at the end is followed by characters that are made up.
    let is_made_from = faults.context().generate == name;
    let own = own
        .strip_suffix('-')
        .filter(|_| is_made_from)
        .unwrap_or(own);
    Form::DnsSubdomain.fault(own, faults.version())
}

/// A bundle of authorities in a volume: by its name or by its signer (`validateProjectionSources` of
/// `pkg/apis/core/validation`).
pub(super) fn bundle_source(faults: &mut Faults<'_>, view: View<'_>) {
    let remark = "either `name` or `signerName`";
    match (view.get("name"), view.get("signerName")) {
        (Some(_), Some(_)) => {
            let reason = "only one of name and signerName may be used";
            view.invalid(faults, "one-of", "", remark, reason);
        }
        (None, None) => {
            let reason = "either name or signerName must be specified";
            view.required(faults, "", remark, reason);
        }
        (Some(name), None) => {
            let name = name.as_str().unwrap_or_default();
            if name.is_empty() {
                view.required(
                    faults,
                    "name",
                    "which bundle?",
                    "must be a valid object name",
                );
            }
            let own = name.rsplit_once(':').map_or(name, |(_, own)| own);
            if let Some(words) = Form::DnsSubdomain.fault(own, faults.version()) {
                let reason = format!("not a valid clustertrustbundlename: {words}");
                view.invalid(
                    faults,
                    "invalid-name",
                    "name",
                    Form::DnsSubdomain.rule(),
                    reason,
                );
            }
            if view.get("labelSelector").is_some() {
                let reason = "labelSelector must be unset if name is specified";
                view.invalid(
                    faults,
                    "conflicting-fields",
                    "labelSelector",
                    reason,
                    reason,
                );
            }
        }
        (None, Some(name)) => {
            if name.as_str() == Some("") {
                view.required(
                    faults,
                    "signerName",
                    "which signer?",
                    "must be a valid signer name",
                );
            }
            signer(faults, view, view.text("signerName"));
        }
    }
}

/// A certificate that is asked for too short or too long a time.
fn out_of_range(faults: &mut Faults<'_>, view: View<'_>, most: i64, reason: String) {
    let remark = format!("3600 to {most}");
    view.invalid(
        faults,
        "out-of-range",
        "maxExpirationSeconds",
        &remark,
        reason,
    );
}

/// A certificate of the pod in a volume.
pub(super) fn pod_certificate(faults: &mut Faults<'_>, view: View<'_>) {
    signer(faults, view, view.text("signerName"));
    user_annotations(faults, view, "userAnnotations");
    if let Some(seconds) = view.int("maxExpirationSeconds") {
        let most = longest(view);
        let reason = match seconds {
            ..3600 => "if provided, maxExpirationSeconds must be >= 3600".to_owned(),
            _ if seconds > most => format!("if provided, maxExpirationSeconds must be <= {most}"),
            _ => String::new(),
        };
        if !reason.is_empty() {
            out_of_range(faults, view, most, reason);
        }
    }
    let paths = ["credentialBundlePath", "keyPath", "certificateChainPath"];
    if paths.iter().all(|name| view.text(name).is_empty()) {
        let reason =
            "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
        view.required(faults, "", "where to?", reason);
    }
}

/// `ValidateUserAnnotations`: keys with a domain, and the size of all.
fn user_annotations(faults: &mut Faults<'_>, view: View<'_>, path: &str) {
    let mut size = 0;
    for entry in view.entries(path) {
        size += entry.key.len() + entry.value.as_str().map_or(0, str::len);
        let key = entry.key.to_lowercase();
        let is_whole = key
            .split_once('/')
            .is_some_and(|(domain, name)| !domain.is_empty() && !name.is_empty());
        let words = match is_whole {
            true => Form::LabelKey.fault(&key, faults.version()),
            false => Some("must be a domain-prefixed key (such as \"acme.io/foo\")".to_owned()),
        };
        if let Some(words) = words {
            let finding = Finding {
                rule: "invalid-annotation",
                message: format!("`{}` is no key with a domain", entry.key),
                remark: "such as `example.com/name`",
                words: format!("Invalid value: {key:?}: {words}"),
            };
            view.refuse_at(faults, path, entry.key_span, finding);
        }
    }
    if size > super::metadata::ANNOTATIONS_MAX {
        too_long(faults, view, path, super::metadata::ANNOTATIONS_MAX);
    }
}

/// How many seconds a signer may be asked for: a day of Kubernetes' own, 91 days of others.
fn longest(view: View<'_>) -> i64 {
    match view.text("signerName").starts_with("kubernetes.io/") {
        true => 86_400,
        false => 7_862_400,
    }
}

/// `validateTrustBundle`.
fn trust(faults: &mut Faults<'_>, view: View<'_>, pem: &str) {
    const PATH: &str = "trustBundle";
    if pem.len() > 1 << 20 {
        return too_long(faults, view, PATH, 1 << 20);
    }
    let blocks = pem::blocks(pem.as_bytes());
    let mut refuse = |reason: String| {
        let remark = "certificates of authorities in PEM";
        view.invalid(faults, "invalid-certificate", PATH, remark, reason);
    };
    let mut wrong = false;
    for (index, block) in blocks.iter().enumerate() {
        let reason = if block.kind != "CERTIFICATE" {
            format!("entry {index} has bad block type: {}", block.kind)
        } else if block.has_headers {
            format!("entry {index} has PEM block headers")
        } else if !is_signed(&block.bytes) {
            format!("entry {index} does not parse as X.509")
        } else if !is_authority(&block.bytes) {
            format!("entry {index} does not have the CA bit set")
        } else {
            continue;
        };
        wrong = true;
        refuse(reason);
    }
    if wrong {
        return;
    }
    if blocks.is_empty() {
        refuse("at least one trust anchor must be provided".to_owned());
    }
    for (index, block) in blocks.iter().enumerate() {
        let first = blocks.iter().position(|other| other.bytes == block.bytes);
        if let Some(first) = first.filter(|first| *first < index) {
            refuse(format!(
                "duplicate trust anchor (indices [{first} {index}])"
            ));
        }
    }
}

/// Whether authorities in PEM, in base64, can be used as such: one certificate at least
/// (`ValidateCABundle` of k8s.io/apiserver/pkg/util/webhook).
pub(in crate::validate) fn are_authorities(base64: &str) -> bool {
    let pem = decode_base64(base64).unwrap_or_default();
    pem::blocks(&pem)
        .iter()
        .any(|block| block.kind == "CERTIFICATE" && !block.has_headers && is_signed(&block.bytes))
}

/// `ValidatePodCertificateRequestCreate`.
pub(super) fn pod_request(faults: &mut Faults<'_>, view: View<'_>) {
    signer(faults, view, view.text("signerName"));
    for name in ["podName", "serviceAccountName", "nodeName"] {
        let text = view.text(name);
        if !text.is_empty() {
            refuse_form(faults, view, name, Form::DnsSubdomain, text);
        }
    }
    for name in ["podUID", "serviceAccountUID", "nodeUID"] {
        if view.text(name).len() > 128 {
            too_long(faults, view, name, 128);
        }
    }
    user_annotations(faults, view, "unverifiedUserAnnotations");
    let most = longest(view);
    // A day is the default.
    let seconds = view.int("maxExpirationSeconds").unwrap_or(86_400);
    if !(3600..=most).contains(&seconds) {
        let reason = format!("must be in the range [3600, {most}]");
        out_of_range(faults, view, most, reason);
    }
    match view.text("stubPKCS10Request") {
        "" if view
            .get("stubPKCS10Request")
            .is_none_or(|node| node.as_str().is_some()) =>
        {
            let reason = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set";
            view.invalid(faults, "one-of", "", "which key?", reason);
        }
        text => {
            if pem::decode(text.as_bytes()).is_some_and(|bytes| !is_signed(&bytes)) {
                let reason = "must be a valid PKCS#10 CSR";
                view.invalid(
                    faults,
                    "invalid-certificate",
                    "stubPKCS10Request",
                    reason,
                    reason,
                );
            }
        }
    }
}

/// One value of DER: its tag, its content, and what follows.
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short if short < 0x80 => (usize::from(short), rest),
        long => {
            let count = usize::from(long & 0x7f);
            if count == 0 || count > 4 || rest.len() < count {
                return None;
            }
            let (digits, rest) = rest.split_at(count);
            let length = digits
                .iter()
                .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            (length, rest)
        }
    };
    (length <= rest.len()).then(|| (*tag, &rest[..length], &rest[length..]))
}

/// Whether bytes are a sequence of something signed, an algorithm and a signature, with nothing
/// after it.
fn is_signed(bytes: &[u8]) -> bool {
    let parts = || {
        let (0x30, content, []) = der(bytes)? else {
            return None;
        };
        let (0x30, signed, rest) = der(content)? else {
            return None;
        };
        let (0x30, _, rest) = der(rest)? else {
            return None;
        };
        let (0x03, _, []) = der(rest)? else {
            return None;
        };
        let mut rest = signed;
        while !rest.is_empty() {
            rest = der(rest)?.2;
        }
        Some(())
    };
    parts().is_some()
}

/// Whether the basic constraints of a certificate say that it is an authority's.
fn is_authority(bytes: &[u8]) -> bool {
    // The object identifier 2.5.29.19, perhaps that it is critical, and the constraints.
    const OID: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x13];
    let Some(at) = bytes.windows(OID.len()).position(|window| window == OID) else {
        return false;
    };
    let mut rest = &bytes[at + OID.len()..];
    if let Some((0x01, _, after)) = der(rest) {
        rest = after;
    }
    let Some((0x04, value, _)) = der(rest) else {
        return false;
    };
    let Some((0x30, constraints, _)) = der(value) else {
        return false;
    };
    matches!(der(constraints), Some((0x01, [flag], _)) if *flag != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_told_from_noise() {
        let signed = [
            0x30, 0x0b, 0x30, 0x02, 0x05, 0x00, 0x30, 0x00, 0x03, 0x03, 0x00, 0x01, 0x02,
        ];
        assert!(is_signed(&signed));
        assert!(!is_authority(&signed));
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x84, 1],
            &[0x30, 0x02, 0x05],
            &[0xff; 9],
        ] {
            assert!(!is_signed(bytes));
        }
    }
}
