//! Requests for certificates, and bundles of authorities (`pkg/apis/certificates/validation`).
//! Signatures are not verified.

use base64::Engine as _;

use super::fields::{refuse_form, too_long};
use super::form::Form;
use crate::validate::fault::Faults;
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
    let engine = base64::engine::general_purpose::STANDARD;
    let text = view.text("request");
    if text.is_empty() {
        return;
    }
    let Ok(pem) = engine.decode(text) else {
        return;
    };
    let blocks = pem_blocks(&String::from_utf8_lossy(&pem));
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
    let mut refuse = |text: &str, what: &str| {
        if let Some(words) = Form::DnsSubdomain.fault(text, faults.version()) {
            let reason = format!("validating {what} {text:?}: {words}");
            view.invalid(faults, "invalid-name", PATH, "`example.com/name`", reason);
        }
    };
    refuse(domain, "label");
    refuse(name, "label");
    if domain.split('.').count() < 2 {
        let reason = "should be a domain with at least two segments separated by dots";
        view.invalid(faults, "invalid-name", PATH, "`example.com/name`", reason);
    }
}

/// `ValidateClusterTrustBundle`. The name begins with the signer's, `/` written as `:`.
pub(super) fn bundle(faults: &mut Faults<'_>, view: View<'_>) {
    let text = view.text("signerName");
    signer(faults, view, text);
    let name = faults.context().name.clone();
    let reason = if text.is_empty() {
        name.contains(':').then(|| {
            "ClusterTrustBundle without signer name must not have \":\" in its name".to_owned()
        })
    } else {
        let prefix = format!("{}:", text.replace('/', ":"));
        let rest = name.strip_prefix(&prefix);
        match rest {
            None if !name.is_empty() => Some(format!(
                "ClusterTrustBundle for signerName {text} must be named with prefix {prefix}"
            )),
            _ => None,
        }
    };
    let form = || {
        let own = match text.is_empty() {
            true => Some(name.as_str()),
            false => name.strip_prefix(&format!("{}:", text.replace('/', ":"))),
        };
        own.and_then(|own| Form::DnsSubdomain.fault(own, faults.version()))
    };
    if let Some(words) = reason.or_else(|| (!name.is_empty()).then(form).flatten()) {
        let finding = Finding {
            rule: "invalid-name",
            message: format!("the bundle cannot be called `{name}`"),
            remark: "the signer's name with `:` for `/`, another `:`, and a name",
            words: format!("Invalid value: {:?}: {words}", name.as_str()),
        };
        faults.found("metadata.name".to_owned(), view.at, finding);
    }
    let pem = view.text("trustBundle");
    if !pem.is_empty() {
        trust(faults, view, pem);
    }
}

/// `validateTrustBundle`.
fn trust(faults: &mut Faults<'_>, view: View<'_>, pem: &str) {
    const PATH: &str = "trustBundle";
    if pem.len() > 1 << 20 {
        return too_long(faults, view, PATH, 1 << 20);
    }
    let blocks = pem_blocks(pem);
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
    for entry in view.entries("unverifiedUserAnnotations") {
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
            view.refuse_at(faults, "unverifiedUserAnnotations", entry.key_span, finding);
        }
    }
    let most = match view.text("signerName").starts_with("kubernetes.io/") {
        true => 86_400,
        false => 7_862_400,
    };
    // A day is the default.
    let seconds = view.int("maxExpirationSeconds").unwrap_or(86_400);
    if !(3600..=most).contains(&seconds) {
        let reason = format!("must be in the range [3600, {most}]");
        let remark = format!("3600 to {most}");
        view.invalid(
            faults,
            "out-of-range",
            "maxExpirationSeconds",
            &remark,
            reason,
        );
    }
    let engine = base64::engine::general_purpose::STANDARD;
    match view.text("stubPKCS10Request") {
        "" if view
            .get("stubPKCS10Request")
            .is_none_or(|node| node.as_str().is_some()) =>
        {
            let reason = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set";
            view.invalid(faults, "one-of", "", "which key?", reason);
        }
        text => {
            if engine.decode(text).is_ok_and(|bytes| !is_signed(&bytes)) {
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

/// A block of PEM.
struct Block {
    kind: String,
    has_headers: bool,
    bytes: Vec<u8>,
}

/// The blocks of a text; what stands between them, and what is broken, is passed over.
fn pem_blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("-----BEGIN ") {
        let begins_line = at == 0 || rest.as_bytes()[at - 1] == b'\n';
        rest = &rest[at + "-----BEGIN ".len()..];
        let Some((kind, after)) = rest.split_once("-----").filter(|_| begins_line) else {
            continue;
        };
        let end = format!("-----END {kind}-----");
        let Some(stop) = after.find(&end) else {
            continue;
        };
        let body = &after[..stop];
        let has_headers = body.lines().any(|line| line.contains(':'));
        let data: String = body
            .lines()
            .filter(|line| !line.contains(':'))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(data) {
            blocks.push(Block {
                kind: kind.to_owned(),
                has_headers,
                bytes,
            });
        }
        rest = &after[stop + end.len()..];
    }
    blocks
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
    fn blocks_and_structures_are_told_from_noise() {
        let body = base64::engine::general_purpose::STANDARD.encode([
            0x30, 0x0b, 0x30, 0x02, 0x05, 0x00, 0x30, 0x00, 0x03, 0x03, 0x00, 0x01, 0x02,
        ]);
        let text = format!("noise\n-----BEGIN A-----\n{body}\n-----END A-----\nmore");
        let blocks = pem_blocks(&text);
        assert_eq!(blocks.len(), 1);
        assert_eq!(blocks[0].kind, "A");
        assert!(is_signed(&blocks[0].bytes));
        assert!(!is_authority(&blocks[0].bytes));
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x84, 1],
            &[0x30, 0x02, 0x05],
            &[0xff; 9],
        ] {
            assert!(!is_signed(bytes));
        }
        assert!(pem_blocks("-----BEGIN A-----\nx").is_empty());
    }
}
