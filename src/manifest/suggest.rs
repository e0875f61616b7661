//! "Did you mean": the nearest of a set of names.

/// Returns the candidate nearest to a word, if one is near enough to be meant: at most one third
/// of the word's length in edits (at least one), where a swap of neighbours is one edit and
/// differences of case or of a plural `s` are none.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut limit = (word.chars().count() / 3).max(1);
    let (mut folded, mut other) = (Vec::new(), Vec::new());
    fold(word, &mut folded);
    let mut rows = Rows::default();
    let mut best = None;
    for candidate in candidates {
        if candidate == word {
            continue;
        }
        fold(candidate, &mut other);
        let Some(distance) = rows.distance(&folded, &other, limit) else {
            continue;
        };
        best = Some(candidate);
        let Some(nearer) = distance.checked_sub(1) else {
            break;
        };
        limit = nearer;
    }
    best
}

/// Writes the letters that are compared.
fn fold(word: &str, into: &mut Vec<char>) {
    into.clear();
    for letter in word.chars() {
        if letter.is_ascii() {
            into.push(letter.to_ascii_lowercase());
        } else {
            into.extend(letter.to_lowercase());
        }
    }
    if into.last() == Some(&'s') && into.len() > 3 {
        into.pop();
    }
}

/// The last rows of a table of distances, kept for the next one: a name is held against dozens.
#[derive(Default)]
struct Rows {
    before: Vec<usize>,
    last: Vec<usize>,
    row: Vec<usize>,
}

impl Rows {
    /// Damerau-Levenshtein distance (optimal string alignment), where it is not above a limit.
    fn distance(&mut self, a: &[char], b: &[char], limit: usize) -> Option<usize> {
        if a.len().abs_diff(b.len()) > limit {
            return None;
        }
        self.last.clear();
        self.last.extend(0..=b.len());
        let mut last_is_near = true;
        for (i, ca) in a.iter().enumerate() {
            self.row.clear();
            self.row.push(i + 1);
            let mut least = i + 1;
            for (j, cb) in b.iter().enumerate() {
                let mut best = (self.last[j] + usize::from(ca != cb))
                    .min(self.last[j + 1] + 1)
                    .min(self.row[j] + 1);
                if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                    best = best.min(self.before[j - 1] + 1);
                }
                least = least.min(best);
                self.row.push(best);
            }
            // A swap of neighbours reaches over one row, no edit reaches over two.
            let is_near = least <= limit;
            if !is_near && !last_is_near {
                return None;
            }
            last_is_near = is_near;
            std::mem::swap(&mut self.before, &mut self.last);
            std::mem::swap(&mut self.last, &mut self.row);
        }
        Some(self.last[b.len()]).filter(|distance| *distance <= limit)
    }
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
