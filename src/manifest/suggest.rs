//! "Did you mean": the nearest of a set of names.

/// Returns the candidate nearest to a word, if one is near enough to be meant: at most one third
/// of the word's length in edits (at least one), where a swap of neighbours is one edit and
/// differences of case or of a plural `s` are none.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let folded = fold(word);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> Vec<char> {
    let lower: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
    match lower.split_last() {
        Some(('s', head)) if head.len() > 2 => head.to_vec(),
        _ => lower,
    }
}

/// Damerau-Levenshtein distance (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(ca != cb))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let fields = [
            "replicas",
            "resources",
            "image",
            "imagePullPolicy",
            "ports",
            "env",
        ];
        for (word, want) in [
            ("replica", Some("replicas")),
            ("Replicas", Some("replicas")),
            ("resorces", Some("resources")),
            ("iamge", Some("image")),
            ("port", Some("ports")),
            ("envs", Some("env")),
            ("tolerations", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, fields), want, "{word}");
        }
        assert_eq!(nearest("Pod", ["Percent", "Pods"]), Some("Pods"));
    }
}
