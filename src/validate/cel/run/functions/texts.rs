//! Functions on texts (`ext/strings.go` of cel-go, `cel/library/regex.go` of k8s.io/apiserver).

use std::fmt::Write as _;

use smol_str::SmolStr;

use super::super::value::{List, Value, characters};
use super::super::{NO_OVERLOAD, Stop, Tools};
use super::{Answer, Function, format, lists};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "contains" => |tools, args| test(tools, args, |text, part| text.contains(part)),
        "startsWith" => |tools, args| test(tools, args, |text, part| text.starts_with(part)),
        "endsWith" => |tools, args| test(tools, args, |text, part| text.ends_with(part)),
        "matches" => |tools, args| match args {
            [Value::Text(text), Value::Text(pattern)] => {
                Ok(Value::Bool(tools.pattern(pattern)?.is_match(text)))
            }
            _ => Err(NO_OVERLOAD),
        },
        "find" => |tools, args| match args {
            [Value::Text(text), Value::Text(pattern)] => {
                let found = illegal(tools.pattern(pattern))?.find(text);
                Ok(Value::text(found.map_or("", |found| found.as_str())))
            }
            _ => Err(NO_OVERLOAD),
        },
        "findAll" => find_all,
        "charAt" => |_, args| match args {
            [Value::Text(text), Value::Int(at)] => char_at(text, *at),
            _ => Err(NO_OVERLOAD),
        },
        "indexOf" => |tools, args| place(tools, args, false),
        "lastIndexOf" => |tools, args| place(tools, args, true),
        "lowerAscii" => |_, args| whole(args, str::to_ascii_lowercase),
        "upperAscii" => |_, args| whole(args, str::to_ascii_uppercase),
        "trim" => |_, args| whole(args, |text| text.trim().to_owned()),
        "strings.quote" => |_, args| whole(args, quoted),
        "replace" => replace,
        "split" => split,
        "substring" => substring,
        "join" => join,
        "format" => |tools, args| match args {
            [Value::Text(text), Value::List(list)] => format::format(tools, text, &list.items),
            _ => Err(NO_OVERLOAD),
        },
        _ => return None,
    })
}

/// Patterns of `find` have words of their own.
fn illegal<T>(pattern: Result<T, Stop>) -> Result<T, Stop> {
    pattern.map_err(|stop| match stop {
        Stop::Wrong(why) => Stop::wrong(format!("Illegal regex: {why}")),
        other => other,
    })
}

fn test(tools: &mut Tools, args: &[Value], test: fn(&str, &str) -> bool) -> Answer {
    match args {
        [Value::Text(text), Value::Text(part)] => {
            tools.spend_on(text.len())?;
            Ok(Value::Bool(test(text, part)))
        }
        _ => Err(NO_OVERLOAD),
    }
}

fn whole(args: &[Value], change: fn(&str) -> String) -> Answer {
    match args {
        [Value::Text(text)] => Ok(Value::text(change(text))),
        _ => Err(NO_OVERLOAD),
    }
}

fn find_all(tools: &mut Tools, args: &[Value]) -> Answer {
    let (text, pattern, limit) = match args {
        [Value::Text(text), Value::Text(pattern)] => (text, pattern, -1),
        [Value::Text(text), Value::Text(pattern), Value::Int(limit)] => (text, pattern, *limit),
        _ => return Err(NO_OVERLOAD),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let found: Vec<Value> = {
        let pattern = illegal(tools.pattern(pattern))?;
        let found = pattern.find_iter(text).take(limit);
        found.map(|found| Value::text(found.as_str())).collect()
    };
    tools.spend(found.len())?;
    Ok(Value::list(found))
}

fn out_of_range(at: i64) -> Stop {
    Stop::wrong(format!("index out of range: {at}"))
}

/// The byte where a character begins; the end of the text is one too.
fn byte_of(text: &str, at: usize) -> Option<usize> {
    if text.is_ascii() {
        return (at <= text.len()).then_some(at);
    }
    let starts = text.char_indices().map(|(at, _)| at);
    starts.chain([text.len()]).nth(at)
}

fn char_at(text: &str, at: i64) -> Answer {
    let byte = usize::try_from(at).ok().and_then(|at| byte_of(text, at));
    let byte = byte.ok_or_else(|| out_of_range(at))?;
    let found = text[byte..].chars().next();
    Ok(Value::text(found.map(String::from).unwrap_or_default()))
}

/// `indexOf` and `lastIndexOf`, of texts and of lists.
fn place(tools: &mut Tools, args: &[Value], last: bool) -> Answer {
    let (text, part, from) = match args {
        [Value::List(list), item] => return lists::place(tools, list, item, last),
        [Value::Text(text), Value::Text(part)] => (text, part, None),
        [Value::Text(text), Value::Text(part), Value::Int(from)] => (text, part, Some(*from)),
        _ => return Err(NO_OVERLOAD),
    };
    tools.spend_on(text.len())?;
    let length = characters(text);
    let answer = |at: usize| Ok(Value::Int(i64::try_from(at).unwrap_or(i64::MAX)));
    let default = if last && part.is_empty() {
        length
    } else if last {
        length.saturating_sub(1)
    } else {
        0
    };
    let from = match from {
        Some(from) => usize::try_from(from).map_err(|_| out_of_range(from))?,
        None => default,
    };
    if part.is_empty() {
        return answer(from.min(length));
    }
    if from >= length {
        return Ok(Value::Int(-1));
    }
    let found = if last {
        let end = byte_of(text, from + characters(part)).unwrap_or(text.len());
        text[..end].rfind(part.as_str())
    } else {
        let start = byte_of(text, from).unwrap_or(text.len());
        text[start..].find(part.as_str()).map(|at| start + at)
    };
    match found {
        Some(at) => answer(characters(&text[..at])),
        None => Ok(Value::Int(-1)),
    }
}

fn replace(tools: &mut Tools, args: &[Value]) -> Answer {
    let (text, from, to, limit) = match args {
        [Value::Text(text), Value::Text(from), Value::Text(to)] => (text, from, to, -1),
        [
            Value::Text(text),
            Value::Text(from),
            Value::Text(to),
            Value::Int(limit),
        ] => (text, from, to, *limit),
        _ => return Err(NO_OVERLOAD),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // What it makes may be much longer than what it is made of.
    let times = text.matches(from.as_str()).count().min(limit);
    tools.spend_on(text.len().saturating_add(times.saturating_mul(to.len())))?;
    Ok(Value::text(text.replacen(from.as_str(), to, limit)))
}

fn split(tools: &mut Tools, args: &[Value]) -> Answer {
    let (text, by, limit) = match args {
        [Value::Text(text), Value::Text(by)] => (text, by, -1),
        [Value::Text(text), Value::Text(by), Value::Int(limit)] => (text, by, *limit),
        _ => return Err(NO_OVERLOAD),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let parts: Vec<Value> = match (limit, by.as_str()) {
        (0, _) => Vec::new(),
        (limit, "") => {
            let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            starts.truncate(limit);
            let ends = starts.iter().skip(1).copied().chain([text.len()]);
            let parts = starts.iter().zip(ends);
            parts
                .map(|(start, end)| Value::text(&text[*start..end]))
                .collect()
        }
        (limit, by) => text.splitn(limit, by).map(Value::text).collect(),
    };
    tools.spend(parts.len())?;
    Ok(Value::list(parts))
}

fn substring(_: &mut Tools, args: &[Value]) -> Answer {
    let (text, start, end) = match args {
        [Value::Text(text), Value::Int(start)] => (text, *start, None),
        [Value::Text(text), Value::Int(start), Value::Int(end)] => (text, *start, Some(*end)),
        _ => return Err(NO_OVERLOAD),
    };
    if let Some(end) = end.filter(|end| start > *end) {
        let why = format!("invalid substring range. start: {start}, end: {end}");
        return Err(Stop::wrong(why));
    }
    let byte = |at: i64| {
        let byte = usize::try_from(at).ok().and_then(|at| byte_of(text, at));
        byte.ok_or_else(|| out_of_range(at))
    };
    let from = byte(start)?;
    let to = end.map_or(Ok(text.len()), byte)?;
    Ok(Value::text(&text[from..to]))
}

fn join(tools: &mut Tools, args: &[Value]) -> Answer {
    let (list, by): (&List, &str) = match args {
        [Value::List(list)] => (list, ""),
        [Value::List(list), Value::Text(by)] => (list, by),
        _ => return Err(NO_OVERLOAD),
    };
    let mut texts: Vec<&SmolStr> = Vec::with_capacity(list.items.len());
    let mut bytes = 0;
    for item in list.items.iter() {
        let Value::Text(text) = item else {
            return Err(NO_OVERLOAD);
        };
        bytes += text.len() + by.len();
        texts.push(text);
    }
    tools.spend_on(bytes)?;
    Ok(Value::text(
        texts
            .iter()
            .map(|text| text.as_str())
            .collect::<Vec<_>>()
            .join(by),
    ))
}

/// `strings.quote`.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        let escape = match c {
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{b}' => 'v',
            '\\' => '\\',
            '"' => '"',
            c => {
                quoted.push(c);
                continue;
            }
        };
        let _ = write!(quoted, "\\{escape}");
    }
    quoted.push('"');
    quoted
}
