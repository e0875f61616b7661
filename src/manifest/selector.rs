//! Label selectors in the syntax of `kubectl -l`: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>3`.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

/// A list of conditions that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelector {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    key: SmolStr,
    operator: Operator,
    values: Vec<SmolStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Missing,
    Greater,
    Less,
}

/// Why a text is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Something else was expected.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What could stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// `>` and `<` compare with integers.
    #[error("`{value}` is no integer, which `>` and `<` compare with")]
    NoInteger {
        /// What stands there instead.
        value: SmolStr,
    },
}

impl LabelSelector {
    /// Whether an object is selected; `label` returns the value of one of its labels.
    pub fn matches<T: AsRef<str>>(&self, label: impl Fn(&str) -> Option<T>) -> bool {
        self.conditions.iter().all(|condition| {
            let value = label(&condition.key);
            condition.matches(value.as_ref().map(AsRef::as_ref))
        })
    }

    /// Labels with the one value that they must have, as far as there are such conditions.
    pub fn equalities(&self) -> impl Iterator<Item = (&str, &str)> {
        self.conditions.iter().filter_map(|condition| {
            match (condition.operator, condition.values.as_slice()) {
                (Operator::In, [value]) => Some((condition.key.as_str(), value.as_str())),
                _ => None,
            }
        })
    }
}

impl Condition {
    fn matches(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|known| known == value);
        let compare = |value: &str| {
            let value: i64 = value.parse().ok()?;
            let limit: i64 = self.values.first()?.parse().ok()?;
            Some(value.cmp(&limit))
        };
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::Missing => value.is_none(),
            Operator::Greater => value.and_then(compare) == Some(std::cmp::Ordering::Greater),
            Operator::Less => value.and_then(compare) == Some(std::cmp::Ordering::Less),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, condition) in self.conditions.iter().enumerate() {
            let Condition {
                key,
                operator,
                values,
            } = condition;
            if at > 0 {
                f.write_str(",")?;
            }
            let values = values.join(",");
            match operator {
                Operator::In => write!(f, "{key} in ({values})")?,
                Operator::NotIn => write!(f, "{key} notin ({values})")?,
                Operator::Exists => write!(f, "{key}")?,
                Operator::Missing => write!(f, "!{key}")?,
                Operator::Greater => write!(f, "{key}>{values}")?,
                Operator::Less => write!(f, "{key}<{values}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut tokens = Tokens { rest: text };
        let mut conditions = Vec::new();
        loop {
            match tokens.next() {
                "" => break,
                "!" => conditions.push(Condition {
                    key: tokens.word("a label")?,
                    operator: Operator::Missing,
                    values: Vec::new(),
                }),
                key if is_word(key) => {
                    let key = SmolStr::new(key);
                    conditions.push(tokens.condition(key)?);
                }
                other => return Err(unexpected("a label or `!`", other)),
            }
            match tokens.next() {
                "" => break,
                "," if !tokens.rest.trim().is_empty() => {}
                "," => return Err(unexpected("a label or `!`", "")),
                other => return Err(unexpected("`,` or the end", other)),
            }
        }
        Ok(Self { conditions })
    }
}

struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    /// The next operator, punctuation or word; empty at the end.
    fn next(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let length = match self.rest.as_bytes() {
            [] => 0,
            [b'=' | b'!', b'=', ..] => 2,
            [b'=' | b'!' | b'(' | b')' | b',' | b'>' | b'<', ..] => 1,
            _ => {
                let end = |c: char| c.is_whitespace() || "=!(),<>".contains(c);
                self.rest.find(end).unwrap_or(self.rest.len())
            }
        };
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    fn peek(&self) -> &'t str {
        Tokens { rest: self.rest }.next()
    }

    fn word(&mut self, expected: &'static str) -> Result<SmolStr, SelectorError> {
        match self.next() {
            word if is_word(word) => Ok(word.into()),
            other => Err(unexpected(expected, other)),
        }
    }

    fn condition(&mut self, key: SmolStr) -> Result<Condition, SelectorError> {
        let exists = Condition {
            key: key.clone(),
            operator: Operator::Exists,
            values: Vec::new(),
        };
        let operator = match self.peek() {
            "" | "," => return Ok(exists),
            "=" | "==" | "in" => Operator::In,
            "!=" | "notin" => Operator::NotIn,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            other => return Err(unexpected("an operator", other)),
        };
        let values = match self.next() {
            "in" | "notin" => self.values()?,
            ">" | "<" => {
                let value = self.word("an integer")?;
                if value.parse::<i64>().is_err() {
                    return Err(SelectorError::NoInteger { value });
                }
                vec![value]
            }
            _ if matches!(self.peek(), "" | ",") => vec![SmolStr::default()],
            _ => vec![self.word("a value")?],
        };
        Ok(Condition {
            key,
            operator,
            values,
        })
    }

    fn values(&mut self) -> Result<Vec<SmolStr>, SelectorError> {
        match self.next() {
            "(" => {}
            other => return Err(unexpected("`(`", other)),
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                ")" => {
                    values.push(SmolStr::default());
                    return Ok(values);
                }
                "," => {
                    values.push(SmolStr::default());
                    continue;
                }
                word if is_word(word) => values.push(word.into()),
                other => return Err(unexpected("a value or `)`", other)),
            }
            match self.next() {
                ")" => return Ok(values),
                "," => {}
                other => return Err(unexpected("`,` or `)`", other)),
            }
        }
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(['=', '!', '(', ')', ',', '<', '>'])
}

fn unexpected(expected: &'static str, found: &str) -> SelectorError {
    SelectorError::Unexpected {
        expected,
        found: if found.is_empty() {
            "the end".to_owned()
        } else {
            format!("`{found}`")
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let selector: LabelSelector = selector.parse().unwrap();
        selector.matches(|key| {
            let found = labels.iter().find(|(name, _)| *name == key)?;
            Some(found.1)
        })
    }

    #[test]
    fn conditions_select_as_kubectl_does() {
        let labels = [("app", "web"), ("tier", "front"), ("n", "5"), ("empty", "")];
        for (selector, want) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app = web , tier != back", true),
            ("app in (api, web)", true),
            ("app notin (api,web)", false),
            ("missing notin (a)", true),
            ("missing!=a", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("n>4,n<6", true),
            ("n>5", false),
            ("app>4", false),
            ("empty=", true),
            ("empty=,app=web", true),
        ] {
            assert_eq!(selects(selector, &labels), want, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for selector in [
            "=a", "a=b c", "a in b", "a in (b", "a=b,", ",a", "a>b", "a,,b", "a (",
        ] {
            assert!(selector.parse::<LabelSelector>().is_err(), "{selector}");
        }
    }

    #[test]
    fn a_selector_prints_in_its_own_syntax() {
        let selector: LabelSelector = "a=b,c notin (d,e),!f,g".parse().unwrap();
        assert_eq!(selector.to_string(), "a in (b),c notin (d,e),!f,g");
        assert_eq!(
            selector.to_string().parse::<LabelSelector>().unwrap(),
            selector
        );
    }
}
