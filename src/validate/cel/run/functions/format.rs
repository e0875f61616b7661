//! `'%s'.format([x])` (`ext/formatting.go` of cel-go; the locale is the plain one).

use std::fmt::Write as _;

use super::super::value::{Map, Value};
use super::super::{Stop, Tools, time};
use super::{Answer, convert};

/// Decimals of `%f` and `%e` where none are given.
const PRECISION: usize = 6;

/// Fills a template.
pub(super) fn format(tools: &mut Tools, template: &str, values: &[Value]) -> Answer {
    let mut out = String::with_capacity(template.len());
    let mut values = values.iter().enumerate();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (precision, after) = precision(after)?;
        let mut chars = after.chars();
        let verb = chars.next().ok_or_else(|| {
            Stop::wrong("could not parse formatting clause: unexpected end of string")
        })?;
        rest = chars.as_str();
        let Some((_, value)) = values.next() else {
            return Err(Stop::wrong(format!("index {} out of range", values.len())));
        };
        let text = clause(verb, precision, value)
            .map_err(|why| Stop::wrong(format!("error during formatting: {why}")))?;
        tools.spend_on(text.len())?;
        out.push_str(&text);
    }
    out.push_str(rest);
    Ok(Value::text(out))
}

/// The precision before a verb: `.2`.
fn precision(text: &str) -> Result<(usize, &str), Stop> {
    let Some(digits) = text.strip_prefix('.') else {
        return Ok((PRECISION, text));
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = digits.split_at(count);
    // The server takes no more than this.
    let precision = number.parse().ok().filter(|precision| *precision <= 1000);
    let wrong = || Stop::wrong("error while parsing precision");
    Ok((precision.ok_or_else(wrong)?, rest))
}

fn clause(verb: char, precision: usize, value: &Value) -> Result<String, String> {
    let wrong = |takes: &str| {
        let given = value.type_name();
        Err(format!("{takes}, was given {given}"))
    };
    match (verb, value) {
        ('s', value) => text(value),
        ('d', Value::Int(number)) => Ok(number.to_string()),
        ('d', Value::Uint(number)) => Ok(number.to_string()),
        ('d', _) => wrong("decimal clause can only be used on integers"),
        ('f', Value::Double(number)) => Ok(grouped(&format!("{number:.precision$}"))),
        ('e', Value::Double(number)) => Ok(scientific(*number, precision)),
        ('f' | 'e', _) => wrong("fixed-point clause can only be used on doubles"),
        ('b', Value::Int(number)) => Ok(radix(*number, 2)),
        ('b', Value::Uint(number)) => Ok(format!("{number:b}")),
        ('b', Value::Bool(value)) => Ok(u8::from(*value).to_string()),
        ('o', Value::Int(number)) => Ok(radix(*number, 8)),
        ('o', Value::Uint(number)) => Ok(format!("{number:o}")),
        ('x', Value::Int(number)) => Ok(radix(*number, 16)),
        ('X', Value::Int(number)) => Ok(radix(*number, 16).to_uppercase()),
        ('x', Value::Uint(number)) => Ok(format!("{number:x}")),
        ('X', Value::Uint(number)) => Ok(format!("{number:X}")),
        ('x', Value::Text(text)) => Ok(hex(text.as_bytes())),
        ('X', Value::Text(text)) => Ok(hex(text.as_bytes()).to_uppercase()),
        ('x', Value::Bytes(bytes)) => Ok(hex(bytes)),
        ('X', Value::Bytes(bytes)) => Ok(hex(bytes).to_uppercase()),
        ('b' | 'o' | 'x' | 'X', _) => wrong("only integers can be formatted so"),
        (verb, _) => Err(format!(
            "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
        )),
    }
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok("null".to_owned()),
        Value::List(list) => {
            let items: Result<Vec<String>, String> = list.items.iter().map(inner).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        Value::Map(map) => object(map),
        Value::Type(name) => Ok((*name).to_owned()),
        Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Duration(_)
        | Value::Timestamp(_) => match convert::to_text(value) {
            Ok(Value::Text(text)) => Ok(text.to_string()),
            _ => Err("could not convert argument to string".to_owned()),
        },
        other => Err(format!(
            "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given {}",
            other.type_name()
        )),
    }
}

/// A value within a list or a map, as a literal.
fn inner(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Bytes(_) => format!("b{:?}", text(value)?),
        Value::Double(number) if number.is_finite() => format!("{number:.PRECISION$}"),
        Value::Double(_) => format!("{:?}", text(value)?),
        Value::Duration(nanos) => format!("duration(\"{}\")", time::shown_duration(*nanos)),
        Value::Timestamp(moment) => format!("timestamp(\"{moment}\")"),
        Value::Type(name) => format!("type({name})"),
        value => text(value)?,
    })
}

fn object(map: &Map) -> Result<String, String> {
    let mut pairs = Vec::with_capacity(map.len());
    for (key, (_, value)) in map.keys().zip(map.entries()) {
        let key = match &key {
            Value::Text(text) => format!("{text:?}"),
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Uint(number) => number.to_string(),
            other => {
                let ty = other.type_name();
                return Err(format!("no formatting function for map key of type {ty}"));
            }
        };
        pairs.push((key, inner(value)?));
    }
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    Ok(format!("{{{}}}", pairs.join(", ")))
}

/// Digits before the point in groups of three.
fn grouped(number: &str) -> String {
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut out = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        let _ = write!(out, ".{fraction}");
    }
    out
}

/// `1.234568×10⁰⁶`.
fn scientific(number: f64, precision: usize) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let plain = format!("{number:.precision$e}");
    let Some((mantissa, exponent)) = plain.split_once('e') else {
        return plain;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ("⁻", digits),
        None => ("", exponent),
    };
    let raised: String = format!("{digits:0>2}")
        .bytes()
        .filter_map(|digit| RAISED.get(usize::from(digit.wrapping_sub(b'0'))))
        .collect();
    format!("{mantissa}×10{sign}{raised}")
}

/// An integer in another base, with a sign.
fn radix(number: i64, base: u8) -> String {
    let size = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    match base {
        2 => format!("{sign}{size:b}"),
        8 => format!("{sign}{size:o}"),
        _ => format!("{sign}{size:x}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are those of kube-apiserver 1.37.0.
    #[test]
    fn values_are_written_as_the_server_writes_them() {
        let list = |items: Vec<Value>| Value::list(items);
        for (template, value, wanted) in [
            ("%d", Value::Int(1_234_567), "1234567"),
            ("%f", Value::Double(1_234_567.5), "1,234,567.500000"),
            ("%.2f", Value::Double(1_234_567.567), "1,234,567.57"),
            ("%e", Value::Double(1_234_567.5), "1.234568×10⁰⁶"),
            ("%e", Value::Double(0.0), "0.000000×10⁰⁰"),
            ("%s", Value::Double(1_234_567.5), "1.2345675e+06"),
            ("%s", Value::Double(1.0), "1"),
            ("%x%%", Value::Int(-255), "-ff%"),
            ("%X", Value::text("hello"), "68656C6C6F"),
            ("%b", Value::Bool(true), "1"),
            (
                "%s",
                list(vec![
                    Value::Int(1),
                    Value::text("a"),
                    Value::Null,
                    Value::Double(2.5),
                ]),
                "[1, \"a\", null, 2.500000]",
            ),
        ] {
            let found = format(&mut Tools::default(), template, &[value]).unwrap();
            assert!(
                matches!(&found, Value::Text(text) if text == wanted),
                "{found:?}"
            );
        }
        for (template, value) in [
            ("%d", Value::text("a")),
            ("%q", Value::Int(1)),
            ("%", Value::Null),
        ] {
            assert!(format(&mut Tools::default(), template, &[value]).is_err());
        }
    }
}
