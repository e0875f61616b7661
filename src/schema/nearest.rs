//! "Did you mean": the nearest of some names.

/// Returns the candidate that `name` is most likely a slip of, if any is near: the same name
/// in another case, or one that few insertions, deletions, changes and swaps of neighbours
/// lead to (one for every three letters of the longer name).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate == name {
            continue;
        }
        let distance = if candidate.eq_ignore_ascii_case(name) {
            0
        } else {
            distance(name, candidate)
        };
        let limit = name.chars().count().max(candidate.chars().count()) / 3;
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: edits, with a swap of neighbours as one.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, r) in right.iter().enumerate() {
            let change = last[column] + usize::from(l != r);
            let mut least = change.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0 && column > 0 && *l == right[column - 1] && left[row - 1] == *r;
            if swapped {
                least = least.min(before_last[column - 1] + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found() {
        let fields = [
            "replicas",
            "revisionHistoryLimit",
            "selector",
            "strategy",
            "template",
        ];
        for (name, want) in [
            ("replica", Some("replicas")),
            ("tempalte", Some("template")),
            ("REPLICAS", Some("replicas")),
            ("selektor", Some("selector")),
            ("revisionHistoryLimits", Some("revisionHistoryLimit")),
            ("image", None),
            ("", None),
            ("ports", None),
        ] {
            assert_eq!(nearest(name, fields), want, "{name}");
        }
        assert_eq!(nearest("Pod", ["Percent", "Pods"]), Some("Pods"));
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn a_name_is_not_its_own_suggestion() {
        assert_eq!(nearest("host", ["host", "hosts"]), Some("hosts"));
    }
}
