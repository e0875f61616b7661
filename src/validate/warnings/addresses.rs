//! Addresses that are read in different ways (`apimachinery/pkg/util/validation/ip.go`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Warnings;
use crate::manifest::Node;

const RULE: &str = "non-standard-address";

/// Warns of an address.
pub(super) fn ip(warn: &mut Warnings<'_>, node: &Node, field: &str) {
    let Some(text) = node.as_str() else { return };
    let Some(address) = sloppy(text) else { return };
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => {}
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            let canonical = canonical(v6);
            if canonical != text {
                let words = format!(
                    "IPv6 address {text:?} should be in RFC 5952 canonical format ({canonical:?})"
                );
                warn.at(RULE, node.span, field, words);
            }
        }
        _ => {
            let words = format!(
                "non-standard IP address {text:?} is invalid: use {:?}",
                shown(address)
            );
            warn.at(RULE, node.span, field, words);
        }
    }
}

/// Warns of a network.
pub(super) fn cidr(warn: &mut Warnings<'_>, node: &Node, field: &str) {
    let Some(text) = node.as_str() else { return };
    let Some((address, digits)) = text.split_once('/') else {
        return;
    };
    let (Some(address), Ok(length)) = (sloppy(address), digits.parse::<u8>()) else {
        return;
    };
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let bits = if address.is_ipv4() { 32 } else { 128 };
    if length > bits {
        return;
    }
    let network = format!("{}/{length}", shown(masked(address, length)));
    let mut told = false;
    if masked(address, length) != address {
        let single = format!("{}/{bits}", shown(address));
        let words = format!(
            "CIDR value {text:?} is ambiguous in this context (should be {network:?} or {single:?}?)"
        );
        warn.at(RULE, node.span, field, words);
        told = true;
    }
    let leading = digits.len() > 1 && digits.starts_with('0');
    let strict = text
        .split_once('/')
        .is_some_and(|(a, _)| a.parse::<IpAddr>().is_ok())
        && !leading;
    if !strict || mapped {
        let words = format!("non-standard CIDR value {text:?} is invalid: use {network:?}");
        warn.at(RULE, node.span, field, words);
        told = true;
    }
    if let (false, IpAddr::V6(v6)) = (told, address) {
        let wanted = format!("{}/{length}", canonical(v6));
        if wanted != text {
            let words = format!(
                "IPv6 CIDR value {text:?} should be in RFC 5952 canonical format ({wanted:?})"
            );
            warn.at(RULE, node.span, field, words);
        }
    }
}

/// Reads an address as Go did before it refused leading zeros.
fn sloppy(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let parts: Vec<u8> = text
        .split('.')
        .map(|part| {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.trim_start_matches('0').parse().unwrap_or(0))
        })
        .collect::<Option<_>>()?;
    let bytes: [u8; 4] = parts.try_into().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(bytes)))
}

/// As Go's `net.IP` prints it: an IPv4 address in IPv6 clothes as IPv4.
fn shown(address: IpAddr) -> String {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => canonical(v6),
        },
        IpAddr::V4(v4) => v4.to_string(),
    }
}

/// RFC 5952. The standard library writes the addresses of `::/96` with dots, which Go does not.
fn canonical(v6: Ipv6Addr) -> String {
    let text = v6.to_string();
    match (text.contains('.'), v6.segments()) {
        (true, [0, 0, 0, 0, 0, 0, high, low]) if high != 0 => format!("::{high:x}:{low:x}"),
        _ => text,
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}
