//! A Helm chart as a source: rendered by the user's own Helm, with each line led back to the
//! template that made it.

use std::collections::HashMap;
use std::path::Path;

use regex::Regex;
use walkdir::WalkDir;

use super::marks::{self, Line};
use super::{HelmError, Program, Template};
use crate::manifest::source::{Origin, display_path};
use crate::manifest::{Diagnostic, FileId, Sources, Span};

/// A chart's `# Source:` comments begin with this.
const SOURCE: &str = "# Source: ";

/// Whether a path is a chart: a folder with `Chart.yaml`, or a packaged one.
pub fn is_chart(path: &Path) -> bool {
    path.join("Chart.yaml").is_file()
        || path.extension().is_some_and(|end| end == "tgz") && path.is_file()
}

/// Renders a chart, hooks and definitions included. Returns the rendered text, whose lines lead
/// back to the chart's templates.
///
/// # Errors
/// Helm is missing, or it refuses the chart, in its own words and where it says so.
pub fn render(
    helm: &Program<'_>,
    sources: &Sources,
    template: &Template,
) -> Result<FileId, Diagnostic> {
    // The marked rendering takes as long as the real one, so both run at once.
    let (real, marked) = std::thread::scope(|scope| {
        let marked = scope.spawn(|| Marked::render(helm, sources, template));
        let real = helm.template(template);
        (real, marked.join().ok().flatten())
    });
    let real = real.map_err(|error| refused(sources, &template.chart, &error))?;
    let name = display_path(&template.chart);
    let real = String::from_utf8(real).map_err(|_| {
        Diagnostic::error("chart", format!("the chart `{name}` prints no valid UTF-8"))
    })?;
    let origins = marked.map_or_else(Vec::new, |marked| marked.origins(&real));
    Ok(sources.add_generated(format!("<{name}>"), real, origins))
}

/// What Helm says of a chart, at the line of the template that it names.
fn refused(sources: &Sources, chart: &Path, error: &HelmError) -> Diagnostic {
    let name = display_path(chart);
    let fault = Diagnostic::error("chart", format!("the chart `{name}` cannot be rendered"));
    if let HelmError::Missing { .. } = error {
        return fault
            .note(error.to_string())
            .hint("install Helm, or name it with `--helm-command` or the variable HELM_BIN");
    }
    let said = error
        .words()
        .map_or_else(|| error.to_string(), str::to_owned);
    let said = said.lines().filter(|line| !line.trim().is_empty());
    let words: Vec<&str> = said
        .map(|line| line.strip_prefix("Error: ").unwrap_or(line))
        .collect();
    let words = words.join("\n");
    let fault = fault.note(format!("helm says: {words}"));
    // The name of the chart, then a file of it, a line, and perhaps a column.
    let place = Regex::new(r"[\w.-]+/((?:[\w.-]+/)*[\w.-]+):(\d+)").ok();
    let Some(found) = place.as_ref().and_then(|place| place.captures(&words)) else {
        return fault;
    };
    let path = chart.join(&found[1]);
    let (Ok(text), Ok(line)) = (std::fs::read_to_string(&path), found[2].parse()) else {
        return fault;
    };
    let file = Lines::new(sources, &path, Place::Template, text);
    fault.at(file.line(line), "")
}

/// A rendering of a copy of the chart whose templates are marked.
struct Marked {
    text: String,
    lines: Vec<Option<Line>>,
    /// The files of the chart that can make lines, by index.
    files: Vec<Lines>,
    by_name: HashMap<String, usize>,
}

/// A file of a chart that prints lines.
struct Lines {
    id: FileId,
    place: Place,
    text: String,
    /// Where its lines start.
    starts: Vec<usize>,
}

impl Marked {
    /// Renders the copy. `None` where that cannot be done: then nothing is known of the lines.
    fn render(helm: &Program<'_>, sources: &Sources, template: &Template) -> Option<Self> {
        let chart = &template.chart;
        let copy = tempfile::tempdir().ok()?;
        let root = copy
            .path()
            .join(chart.file_name().unwrap_or("chart".as_ref()));
        let mut files = Vec::new();
        let mut by_name = HashMap::new();
        for entry in WalkDir::new(chart).follow_links(true).sort_by_file_name() {
            let entry = entry.ok()?;
            let below = entry.path().strip_prefix(chart).ok()?;
            let to = root.join(below);
            if entry.file_type().is_dir() {
                std::fs::create_dir_all(&to).ok()?;
                continue;
            }
            if !entry.file_type().is_file() {
                return None;
            }
            match (place_of(below), std::fs::read_to_string(entry.path())) {
                (Some(place), Ok(text)) => {
                    let index = files.len();
                    let marked = match place {
                        Place::Template => marks::mark(&text, index),
                        Place::Plain => text.clone(),
                    };
                    std::fs::write(&to, marked).ok()?;
                    by_name.insert(display_path(below), index);
                    files.push(Lines::new(sources, entry.path(), place, text));
                }
                _ => {
                    std::fs::copy(entry.path(), &to).ok()?;
                }
            }
        }
        let copied = Template {
            chart: root,
            ..template.clone()
        };
        let rendered = String::from_utf8(helm.template(&copied).ok()?).ok()?;
        let (text, lines) = marks::unmark(&rendered);
        Some(Self {
            text,
            lines,
            files,
            by_name,
        })
    }

    /// What each line of the real rendering was made from.
    fn origins(&self, real: &str) -> Vec<Origin> {
        let marked: HashMap<(&str, usize), Part<'_>> = by_source(&self.text);
        let mut origins = Vec::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for part in parts(real) {
            let nth = seen.entry(part.source).or_default();
            let twin = marked.get(&(part.source, *nth));
            *nth += 1;
            let below = part.source.split_once('/').map_or("", |(_, below)| below);
            let own = self.by_name.get(below).copied();
            let lines = match twin {
                Some(twin) => {
                    let known = &self.lines[twin.first..twin.first + twin.text.lines().count()];
                    marks::align(part.text, twin.text, known)
                }
                None => vec![None; part.text.lines().count()],
            };
            let mut start = part.start;
            for (index, line) in part.text.split_inclusive('\n').enumerate() {
                let place = lines.get(index).copied().flatten();
                let place = place.or(own.map(|file| self.unmarked(file, index)));
                let template = place.and_then(|place| self.span(place));
                origins.push(Origin {
                    start: offset(start),
                    end: offset(start + line.len()),
                    input: None,
                    template,
                });
                start += line.len();
            }
        }
        origins
    }

    /// Where a line comes from that no mark tells of: a definition comes out as it stands, of a
    /// template only the file is known.
    fn unmarked(&self, file: usize, index: usize) -> Line {
        let line = match self.files[file].place {
            Place::Plain => u32::try_from(index + 1).unwrap_or(1),
            Place::Template => 1,
        };
        Line { file, line }
    }

    fn span(&self, place: Line) -> Option<Span> {
        Some(self.files.get(place.file)?.line(place.line))
    }
}

impl Lines {
    fn new(sources: &Sources, path: &Path, place: Place, text: String) -> Self {
        let lines = text.split_inclusive('\n').scan(0, |next, line| {
            let start = *next;
            *next += line.len();
            Some(start)
        });
        Self {
            id: sources.add(display_path(path), text.as_str()),
            place,
            starts: lines.collect(),
            text,
        }
    }

    /// The text of a line without the space around it; lines count from 1.
    fn line(&self, line: u32) -> Span {
        let index = (line as usize).saturating_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(self.text.len());
        let line = self.text[start..].lines().next().unwrap_or_default();
        let start = start + line.len() - line.trim_start().len();
        Span::new(self.id, start, start + line.trim().len())
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What the lines of a file of a chart are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Template,
    /// Printed as they stand: definitions.
    Plain,
}

/// Files whose lines come out, of the chart and of the charts in it.
fn place_of(below: &Path) -> Option<Place> {
    let mut parts: Vec<&str> = below.iter().filter_map(|part| part.to_str()).collect();
    while parts.len() > 3 && parts[0] == "charts" {
        parts.drain(..2);
    }
    match parts.first() {
        Some(&"templates") if parts.len() > 1 => Some(Place::Template),
        Some(&"crds") if parts.len() > 1 => Some(Place::Plain),
        _ => None,
    }
}

/// A document, or several, that one file of the chart has printed.
struct Part<'t> {
    source: &'t str,
    text: &'t str,
    /// Its first byte in the whole.
    start: usize,
    /// Its first line in the whole, from 0.
    first: usize,
}

/// Takes a rendering apart at its `# Source:` comments.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found: Vec<Part<'_>> = Vec::new();
    let (mut at, mut number) = (0, 0);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if let Some(source) = line.strip_prefix(SOURCE) {
            found.push(Part {
                source: source.trim_end(),
                text: &text[end..end],
                start: end,
                first: number + 1,
            });
        } else if let Some(part) = found.last_mut() {
            part.text = &text[part.start..end];
        }
        at = end;
        number += 1;
    }
    found
}

/// The parts by the file that printed them and by how many of it came before.
fn by_source(text: &str) -> HashMap<(&str, usize), Part<'_>> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut found = HashMap::new();
    for part in parts(text) {
        let count = counts.entry(part.source).or_default();
        let key = (part.source, *count);
        *count += 1;
        found.insert(key, part);
    }
    found
}
