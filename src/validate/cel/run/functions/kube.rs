//! The functions that Kubernetes adds: addresses, amounts, versions, formats
//! (`cel/library` of k8s.io/apiserver).

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::super::super::library;
use super::super::semver::Semver;
use super::super::url::Url;
use super::super::value::{Map, Origin, Value};
use super::super::{NO_OVERLOAD, Stop};
use super::{Answer, Function, formats};
use crate::manifest::quantity::Quantity;

pub(super) fn find(name: &str, member: bool) -> Option<Function> {
    find_address(name, member)
        .or_else(|| find_amount(name))
        .or_else(|| find_url(name))
        .or_else(|| find_format(name))
}

/// `ip`, `cidr` and what is asked of them.
fn find_address(name: &str, member: bool) -> Option<Function> {
    macro_rules! of_ip {
        ($test:expr) => {
            |_, args| match args {
                [Value::Ip(address)] => Ok(Value::Bool($test(*address))),
                _ => Err(NO_OVERLOAD),
            }
        };
    }
    Some(match name {
        "ip" if member => |_, args| match args {
            [Value::Cidr(address, _)] => Ok(Value::Ip(*address)),
            _ => Err(NO_OVERLOAD),
        },
        "ip" => |_, args| match args {
            [Value::Text(text)] => read_ip(text).map(Value::Ip),
            _ => Err(NO_OVERLOAD),
        },
        "isIP" => |_, args| match args {
            [Value::Text(text)] => Ok(Value::Bool(read_ip(text).is_ok())),
            _ => Err(NO_OVERLOAD),
        },
        "ip.isCanonical" => |_, args| match args {
            [Value::Text(text)] => Ok(Value::Bool(read_ip(text)?.to_string() == text.as_str())),
            _ => Err(NO_OVERLOAD),
        },
        "family" => |_, args| match args {
            [Value::Ip(address)] => Ok(Value::Int(if address.is_ipv4() { 4 } else { 6 })),
            _ => Err(NO_OVERLOAD),
        },
        "isUnspecified" => of_ip!(|address: IpAddr| address.is_unspecified()),
        "isLoopback" => of_ip!(|address: IpAddr| address.is_loopback()),
        "isLinkLocalMulticast" => of_ip!(is_link_local_multicast),
        "isLinkLocalUnicast" => of_ip!(is_link_local),
        "isGlobalUnicast" => of_ip!(is_global_unicast),
        "cidr" => |_, args| match args {
            [Value::Text(text)] => read_cidr(text),
            _ => Err(NO_OVERLOAD),
        },
        "isCIDR" => |_, args| match args {
            [Value::Text(text)] => Ok(Value::Bool(read_cidr(text).is_ok())),
            _ => Err(NO_OVERLOAD),
        },
        "prefixLength" => |_, args| match args {
            [Value::Cidr(_, bits)] => Ok(Value::Int(i64::from(*bits))),
            _ => Err(NO_OVERLOAD),
        },
        "masked" => |_, args| match args {
            [Value::Cidr(address, bits)] => Ok(Value::Cidr(masked(*address, *bits), *bits)),
            _ => Err(NO_OVERLOAD),
        },
        "containsIP" => |_, args| match args {
            [Value::Cidr(net, bits), Value::Ip(address)] => {
                Ok(Value::Bool(holds(*net, *bits, *address)))
            }
            [Value::Cidr(net, bits), Value::Text(text)] => {
                Ok(Value::Bool(holds(*net, *bits, read_ip(text)?)))
            }
            _ => Err(NO_OVERLOAD),
        },
        "containsCIDR" => |_, args| {
            let (net, bits, other) = match args {
                [Value::Cidr(net, bits), Value::Text(text)] => (net, *bits, read_cidr(text)?),
                [Value::Cidr(net, bits), other] => (net, *bits, other.clone()),
                _ => return Err(NO_OVERLOAD),
            };
            match other {
                Value::Cidr(inner, more) => {
                    Ok(Value::Bool(bits <= more && holds(*net, bits, inner)))
                }
                _ => Err(NO_OVERLOAD),
            }
        },
        _ => return None,
    })
}

fn read_ip(text: &str) -> Result<IpAddr, Stop> {
    if text.contains('%') && text.contains(':') {
        let why = format!("IP address {text:?} with zone value is not allowed");
        return Err(Stop::wrong(why));
    }
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            let why = format!("IPv4-mapped IPv6 address {text:?} is not allowed");
            Err(Stop::wrong(why))
        }
        Ok(address) => Ok(address),
        Err(_) => Err(Stop::wrong(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        ))),
    }
}

fn read_cidr(text: &str) -> Answer {
    const CONTEXT: &str = "network address parse error during conversion from string: ";
    let wrong = |why: String| Stop::wrong(format!("{CONTEXT}{why}"));
    let parsed = text.rsplit_once('/').and_then(|(address, bits)| {
        let address: IpAddr = address.parse().ok()?;
        let plain =
            bits.bytes().all(|b| b.is_ascii_digit()) && (bits.len() == 1 || !bits.starts_with('0'));
        let bits: u8 = bits.parse().ok().filter(|_| plain)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some((address, bits))
    });
    match parsed {
        Some((IpAddr::V6(address), _)) if address.to_ipv4_mapped().is_some() => Err(wrong(
            format!("IPv4-mapped IPv6 address {text:?} is not allowed"),
        )),
        Some((address, bits)) => Ok(Value::Cidr(address, bits)),
        None => Err(wrong(format!(
            "{CONTEXT}netip.ParsePrefix({text:?}): no '/'"
        ))),
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

fn holds(net: IpAddr, bits: u8, address: IpAddr) -> bool {
    net.is_ipv4() == address.is_ipv4() && masked(net, bits) == masked(address, bits)
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_global_unicast(address: IpAddr) -> bool {
    let special = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        IpAddr::V6(address) => address == Ipv6Addr::UNSPECIFIED,
    };
    !special
        && !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !is_link_local(address)
}

/// Amounts and versions, which share the names of comparisons.
fn find_amount(name: &str) -> Option<Function> {
    Some(match name {
        "quantity" => |_, args| match args {
            [Value::Text(text)] => match read_quantity(text) {
                Ok(quantity) => Ok(Value::Quantity(quantity)),
                Err(why) => Err(Stop::wrong(why)),
            },
            _ => Err(NO_OVERLOAD),
        },
        "isQuantity" => |_, args| match args {
            [Value::Text(text)] => Ok(Value::Bool(read_quantity(text).is_ok())),
            _ => Err(NO_OVERLOAD),
        },
        "semver" => |_, args| {
            let version = read_semver(args)?.map_err(Stop::wrong)?;
            Ok(Value::Semver(Arc::new(version)))
        },
        "isSemver" => |_, args| Ok(Value::Bool(read_semver(args)?.is_ok())),
        "major" => |_, args| version_part(args, 0),
        "minor" => |_, args| version_part(args, 1),
        "patch" => |_, args| version_part(args, 2),
        "isGreaterThan" => |_, args| Ok(Value::Bool(order(args)?.is_gt())),
        "isLessThan" => |_, args| Ok(Value::Bool(order(args)?.is_lt())),
        "compareTo" => |_, args| Ok(Value::Int(order(args)? as i64)),
        "sign" => |_, args| match args {
            [Value::Quantity(quantity)] => Ok(Value::Int(
                i64::try_from(quantity.nanos().signum()).unwrap_or(0),
            )),
            _ => Err(NO_OVERLOAD),
        },
        "isInteger" => |_, args| match args {
            [Value::Quantity(quantity)] => Ok(Value::Bool(whole(*quantity).is_some())),
            _ => Err(NO_OVERLOAD),
        },
        "asInteger" => |_, args| match args {
            [Value::Quantity(quantity)] => {
                let number = whole(*quantity).map(Value::Int);
                number.ok_or_else(|| Stop::wrong("cannot convert value to integer"))
            }
            _ => Err(NO_OVERLOAD),
        },
        "asApproximateFloat" => |_, args| match args {
            #[expect(clippy::cast_precision_loss, reason = "it is called approximate")]
            [Value::Quantity(quantity)] => Ok(Value::Double(quantity.nanos() as f64 / 1e9)),
            _ => Err(NO_OVERLOAD),
        },
        "add" => |_, args| sum(args, false),
        "sub" => |_, args| sum(args, true),
        _ => return None,
    })
}

fn read_quantity(text: &str) -> Result<Quantity, &'static str> {
    // Unlike a field, a text is not trimmed here.
    if text.trim() != text {
        return Err("unable to parse quantity's suffix");
    }
    crate::validate::scalar::check_quantity(text)?;
    // Some odd texts are zero.
    let zero = || Quantity::parse("0");
    Quantity::parse(text)
        .or_else(zero)
        .ok_or("unable to parse quantity's suffix")
}

/// The amount as an integer, where it is one that Go finds.
fn whole(quantity: Quantity) -> Option<i64> {
    const NANO: i128 = 1_000_000_000;
    let nanos = quantity.nanos();
    (nanos % NANO == 0).then(|| i64::try_from(nanos / NANO).ok())?
}

fn sum(args: &[Value], negative: bool) -> Answer {
    let (a, b) = match args {
        [Value::Quantity(a), Value::Quantity(b)] => (*a, *b),
        [Value::Quantity(a), Value::Int(b)] => {
            let b = Quantity::parse(&b.to_string());
            (*a, b.ok_or(NO_OVERLOAD)?)
        }
        _ => return Err(NO_OVERLOAD),
    };
    let b = match negative {
        true => b.times("-1").ok_or(NO_OVERLOAD)?,
        false => b,
    };
    Ok(Value::Quantity(a + b))
}

fn order(args: &[Value]) -> Result<Ordering, Stop> {
    match args {
        [Value::Quantity(a), Value::Quantity(b)] => Ok(a.nanos().cmp(&b.nanos())),
        [Value::Semver(a), Value::Semver(b)] => Ok(a.compare(b)),
        _ => Err(NO_OVERLOAD),
    }
}

fn read_semver(args: &[Value]) -> Result<Result<Semver, String>, Stop> {
    match args {
        [Value::Text(text)] | [Value::Text(text), Value::Bool(false)] => Ok(Semver::read(text)),
        [Value::Text(text), Value::Bool(true)] => Ok(Semver::read_loosely(text)),
        _ => Err(NO_OVERLOAD),
    }
}

fn version_part(args: &[Value], at: usize) -> Answer {
    match args {
        [Value::Semver(version)] => {
            let number = version.numbers.get(at).copied().unwrap_or(0);
            Ok(Value::Int(i64::try_from(number).unwrap_or(i64::MAX)))
        }
        _ => Err(NO_OVERLOAD),
    }
}

fn find_url(name: &str) -> Option<Function> {
    macro_rules! of_url {
        ($part:expr) => {
            |_, args| match args {
                [Value::Url(url)] => Ok(Value::text($part(&**url))),
                _ => Err(NO_OVERLOAD),
            }
        };
    }
    Some(match name {
        "url" => |_, args| match args {
            [Value::Text(text)] => match Url::read(text) {
                Some(url) => Ok(Value::Url(Arc::new(url))),
                None => Err(Stop::wrong(format!(
                    "URL parse error during conversion from string: parse {text:?}: invalid URI for request"
                ))),
            },
            _ => Err(NO_OVERLOAD),
        },
        "isURL" => |_, args| match args {
            [Value::Text(text)] => Ok(Value::Bool(Url::read(text).is_some())),
            _ => Err(NO_OVERLOAD),
        },
        "getScheme" => of_url!(|url: &Url| url.scheme.clone()),
        "getHost" => of_url!(|url: &Url| url.host.clone()),
        "getHostname" => of_url!(|url: &Url| url.hostname().to_owned()),
        "getPort" => of_url!(|url: &Url| url.port().to_owned()),
        "getEscapedPath" => of_url!(Url::escaped_path),
        "getQuery" => |_, args| match args {
            [Value::Url(url)] => {
                let values = |values: Vec<String>| {
                    Value::list(values.into_iter().map(Value::text).collect())
                };
                let entries = url.query().into_iter();
                let entries = entries.map(|(name, own)| (Value::text(name), values(own)));
                Ok(Value::Map(Map::new(
                    entries.collect(),
                    Origin::Made,
                    Vec::new(),
                )))
            }
            _ => Err(NO_OVERLOAD),
        },
        _ => return None,
    })
}

fn find_format(name: &str) -> Option<Function> {
    macro_rules! constant {
        ($($name:literal)*) => {
            match name {
                $(concat!("format.", $name) => |_, _| Ok(Value::Format($name)),)*
                _ => return None,
            }
        };
    }
    Some(match name {
        "format.named" => |_, args| match args {
            [Value::Text(text)] => {
                let found = library::FORMATS.iter().find(|name| **name == text.as_str());
                Ok(match found {
                    Some(name) => Value::some(Value::Format(name)),
                    None => Value::Optional(None),
                })
            }
            _ => Err(NO_OVERLOAD),
        },
        "validate" => |_, args| match args {
            [Value::Format(name), Value::Text(text)] => Ok(match formats::fault(name, text) {
                None => Value::Optional(None),
                Some(words) => Value::some(Value::list(vec![Value::text(words)])),
            }),
            _ => Err(NO_OVERLOAD),
        },
        _ => constant!("dns1123Label" "dns1123Subdomain" "dns1035Label" "qualifiedName"
            "dns1123LabelPrefix" "dns1123SubdomainPrefix" "dns1035LabelPrefix" "labelValue"
            "uri" "uuid" "byte" "date" "datetime"),
    })
}
