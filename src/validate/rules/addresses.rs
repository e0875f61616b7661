//! Addresses and networks as the server reads them (`ParseIPSloppy` and the strict forms of
//! `k8s.io/apimachinery/pkg/util/validation`).

use std::net::IpAddr;

use crate::schema::Version;

const NO_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const NO_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// Whether addresses are read strictly, without leading zeros (`StrictIPCIDRValidation`).
fn strict(version: Version) -> bool {
    version.minor() >= 36
}

/// Reads an IP address as the server does.
pub(super) fn ip(text: &str, version: Version) -> Result<IpAddr, &'static str> {
    let address: IpAddr = match text.parse() {
        Ok(address) => address,
        // Go's net.ParseIP of old took leading zeros.
        Err(_) => match (without_zeros(text), strict(version)) {
            (Some(_), true) => return Err("must not have leading 0s"),
            (Some(address), false) => address,
            (None, _) => return Err(NO_IP),
        },
    };
    match address {
        IpAddr::V6(v6) if strict(version) && v6.to_ipv4_mapped().is_some() => {
            Err("must not be an IPv4-mapped IPv6 address")
        }
        _ => Ok(address),
    }
}

/// What the server says of an address that must be written in its only form (`IsValidIP`), in every
/// version.
pub(super) fn strict_ip(text: &str) -> Option<String> {
    match ip(text, Version::newest()) {
        Ok(address) => canonical(&address.to_string(), text),
        Err(words) => Some(words.to_owned()),
    }
}

/// The same for a network (`IsValidCIDR`).
pub(super) fn strict_cidr(text: &str) -> Option<String> {
    match cidr(text, Version::newest()) {
        Ok((address, length)) => canonical(&format!("{address}/{length}"), text),
        Err(words) => Some(words.to_owned()),
    }
}

fn canonical(form: &str, text: &str) -> Option<String> {
    (form != text).then(|| format!("must be in canonical form (\"{form}\")"))
}

fn without_zeros(text: &str) -> Option<IpAddr> {
    let parts: Vec<String> = text
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0".to_owned(),
            digits => digits.to_owned(),
        })
        .collect();
    parts
        .join(".")
        .parse::<std::net::Ipv4Addr>()
        .ok()
        .map(IpAddr::V4)
}

/// Reads a network as the server does.
pub(super) fn cidr(text: &str, version: Version) -> Result<(IpAddr, u8), &'static str> {
    let (address, length) = text.split_once('/').ok_or(NO_CIDR)?;
    let zeros = length.len() > 1 && length.starts_with('0');
    if length.is_empty() || length.len() > 3 || !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NO_CIDR);
    }
    let parsed: IpAddr = match address.parse() {
        Ok(parsed) => parsed,
        Err(_) => match (without_zeros(address), strict(version)) {
            (Some(_), true) => return Err("must not have leading 0s in IP or prefix length"),
            (Some(parsed), false) => parsed,
            (None, _) => return Err(NO_CIDR),
        },
    };
    let bits = if parsed.is_ipv4() { 32 } else { 128 };
    let length: u8 = length
        .parse()
        .ok()
        .filter(|length| *length <= bits)
        .ok_or(NO_CIDR)?;
    if !strict(version) {
        return Ok((parsed, length));
    }
    if zeros {
        return Err("must not have leading 0s in IP or prefix length");
    }
    if matches!(parsed, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        return Err("must not have an IPv4-mapped IPv6 address");
    }
    if masked(parsed, length) != parsed {
        return Err("must not have bits set beyond the prefix length");
    }
    Ok((parsed, length))
}

/// The address with the bits after the prefix cleared.
pub(super) fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Form;
    use super::*;

    #[test]
    fn addresses_were_read_loosely_before_1_36() {
        let Some(old) = Version::all().find(|version| version.minor() < 36) else {
            return;
        };
        assert_eq!(Form::Ip.fault("010.0.0.1", old), None);
        assert_eq!(Form::Cidr.fault("10.0.0.1/8", old), None);
    }
}
