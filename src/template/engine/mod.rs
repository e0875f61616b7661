//! Renders templates: strict, sandboxed, bounded, and every stretch of output knows its origin.

mod filters;
mod functions;
mod input;
mod json;
mod marks;
mod rules;
mod trace;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use smol_str::SmolStr;

use crate::manifest::path::FieldPath;
use crate::manifest::source::Origin;
use crate::manifest::{Diagnostic, FileId, Node, Sources, Span};

use super::dialect::KindInfo;
pub(super) use functions::uses;
use marks::Instrumented;
pub use rules::Scope;
use trace::Trace;

/// Instructions that one render may take.
const FUEL: u64 = 1_000_000;
/// Nesting of macros, blocks and imports.
const DEPTH: usize = 64;
/// Longest output in bytes, before the marks that say where each value came from are taken out.
const OUTPUT: usize = 16 << 20;

/// One template text.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// The name that other templates use: `lib/pod.j2`, `builtin:web-service.yaml.j2`.
    pub name: String,
    /// How messages call it.
    pub shown: String,
    /// The text.
    pub text: Arc<str>,
    /// Whether it ships with deployx: its marks are proven by tests.
    pub built_in: bool,
}

/// What a template is rendered for.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The kind.
    pub kind: KindInfo,
    /// Name after prefix and suffix.
    pub name: String,
    /// Name as written in its file.
    pub source_name: String,
    /// Namespace; empty where none is written.
    pub namespace: String,
    /// The complete inputs: defaults in, nulls out.
    pub spec: Node,
    /// The resource's `metadata`.
    pub metadata: Node,
    /// URLs of the build's services: by name as written, then by port name; "" is the main port.
    pub services: BTreeMap<SmolStr, BTreeMap<SmolStr, String>>,
}

/// What came out.
#[derive(Debug)]
pub struct Rendered {
    /// A YAML stream.
    pub text: String,
    /// What each stretch was made from.
    pub origins: Vec<Origin>,
    /// What templates warned about.
    pub warnings: Vec<Diagnostic>,
}

/// The templates of a library, ready to render. Cheap to share; renders run one at a time.
pub struct Engine {
    marked: Environment<'static>,
    /// For users' templates, which may look at printed text: the bytes come from here.
    plain: Environment<'static>,
    files: Arc<Vec<Template>>,
    shared: Shared,
    turn: Mutex<()>,
    /// Where the texts stand in the table that was used last.
    ids: Mutex<Vec<Option<FileId>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// A template with its marked form, which is made when it is first used.
#[derive(Debug)]
struct Template {
    number: usize,
    file: TemplateFile,
    marked: OnceLock<Instrumented>,
}

impl Template {
    fn marked(&self) -> &Instrumented {
        self.marked
            .get_or_init(|| marks::instrument(self.number, &self.file.text))
    }
}

/// What filters, functions and inputs of one render share.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Cell>>);

#[derive(Default)]
pub(super) struct Cell {
    trace: Trace,
    marking: bool,
    subject: Option<Subject>,
    kube: (u8, u8),
    failure: Option<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Cell> {
        // A panic elsewhere leaves data that is still whole: it is reset before each render.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

impl Engine {
    /// Creates an engine over template texts for a Kubernetes minor version (`1.37` is `(1, 37)`).
    /// Templates are compiled when they are first used.
    pub fn new(files: Vec<TemplateFile>, kube: (u8, u8)) -> Self {
        let shared = Shared::default();
        shared.lock().kube = kube;
        let files = files
            .into_iter()
            .enumerate()
            .map(|(number, file)| Template {
                number,
                file,
                marked: OnceLock::new(),
            });
        let files: Arc<Vec<_>> = Arc::new(files.collect());
        Self {
            marked: environment(&files, &shared, true),
            plain: environment(&files, &shared, false),
            files,
            shared,
            turn: Mutex::new(()),
            ids: Mutex::default(),
        }
    }

    /// Renders `template` for `subject`; spans of templates point into `sources`.
    ///
    /// # Errors
    /// A fault of the template or of what it was given, at the input or the template line.
    pub fn render(
        &self,
        template: &str,
        subject: &Subject,
        sources: &Sources,
    ) -> Result<Rendered, Box<Diagnostic>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let built_in = self
            .files
            .iter()
            .any(|known| known.file.name == template && known.file.built_in);
        let wanted = if built_in {
            None
        } else {
            Some(self.run(&self.plain, template, subject, false, sources)?)
        };
        let marked = self.run(&self.marked, template, subject, true, sources)?;
        let (text, stretches) = marks::strip(&marked);
        let warnings = std::mem::take(&mut self.shared.lock().warnings);
        if let Some(wanted) = wanted
            && wanted != text
        {
            // This template looked at printed text and saw the marks: its bytes win.
            return Ok(Rendered {
                text: wanted,
                origins: Vec::new(),
                warnings,
            });
        }
        let origins = self.origins(&stretches, sources);
        Ok(Rendered {
            text,
            origins,
            warnings,
        })
    }

    /// Renders without marks.
    #[cfg(test)]
    pub(super) fn render_plain(
        &self,
        template: &str,
        subject: &Subject,
        sources: &Sources,
    ) -> Result<String, Box<Diagnostic>> {
        self.run(&self.plain, template, subject, false, sources)
    }

    fn run(
        &self,
        env: &Environment<'static>,
        template: &str,
        subject: &Subject,
        marking: bool,
        sources: &Sources,
    ) -> Result<String, Box<Diagnostic>> {
        {
            let mut cell = self.shared.lock();
            *cell = Cell {
                kube: cell.kube,
                marking,
                subject: Some(subject.clone()),
                ..Cell::default()
            };
        }
        let context = self.context(subject)?;
        let mut out = Bounded(Vec::new());
        let result = env
            .get_template(template)
            .and_then(|template| template.render_captured_to(context, &mut out).map(drop));
        if let Err(error) = result {
            return Err(Box::new(self.explain(&error, marking, sources)));
        }
        Ok(String::from_utf8_lossy(&out.0).into_owned())
    }

    fn context(&self, subject: &Subject) -> Result<Value, Box<Diagnostic>> {
        let value = |node: &Node| {
            input::value(node, &self.shared).map_err(|span| Box::new(reserved_fault(span)))
        };
        let kube = self.shared.lock().kube;
        Ok(Value::from(BTreeMap::from([
            ("spec", value(&subject.spec)?),
            ("metadata", value(&subject.metadata)?),
            ("name", Value::from(subject.name.as_str())),
            ("source_name", Value::from(subject.source_name.as_str())),
            ("kind", Value::from(subject.kind.kind.as_str())),
            ("kube", Value::from(format!("{}.{}", kube.0, kube.1))),
        ])))
    }

    fn origins(&self, stretches: &[marks::Stretch], sources: &Sources) -> Vec<Origin> {
        let cell = self.shared.lock();
        let offset = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let template_span = |file: usize, at: usize| {
            let template = &self.files.get(file)?.file;
            let id = self.file_id(file, sources)?;
            let line = template.text[at..]
                .find('\n')
                .unwrap_or(template.text.len() - at);
            Some(Span::new(id, at, at + line))
        };
        stretches
            .iter()
            .map(|stretch| Origin {
                start: offset(stretch.start),
                end: offset(stretch.end),
                input: stretch.input.and_then(|input| cell.trace.span(input)),
                template: stretch
                    .template
                    .and_then(|(file, at)| template_span(file, at)),
            })
            .collect()
    }

    /// Turns an engine error into a finding at the template line, or where `fail` pointed.
    fn explain(&self, error: &Error, marked: bool, sources: &Sources) -> Diagnostic {
        let failure = self.shared.lock().failure.take();
        let mut inner = error;
        while let Some(source) = std::error::Error::source(inner).and_then(|e| e.downcast_ref()) {
            inner = source;
        }
        let place = inner.name().and_then(|name| {
            let found = self.files.iter().find(|known| known.file.name == name)?;
            let range = inner.range()?;
            let at = |offset| {
                if marked {
                    found.marked().original(offset)
                } else {
                    offset
                }
            };
            let id = self.file_id(found.number, sources)?;
            Some(Span::new(id, at(range.start), at(range.end)))
        });
        if let Some(failure) = failure {
            return match (place, failure.primary.is_some()) {
                (Some(span), true) => failure.also(span, "by this template line"),
                (Some(span), false) => failure.at(span, ""),
                (None, _) => failure,
            };
        }
        let what = match inner.kind() {
            ErrorKind::OutOfFuel => format!("the template takes more than {FUEL} steps"),
            ErrorKind::WriteFailure => {
                format!("the template prints more than {} MiB", OUTPUT >> 20)
            }
            kind => match inner.detail() {
                Some(detail) => format!("{kind}: {detail}"),
                None => kind.to_string(),
            },
        };
        let fault = Diagnostic::error("template", what);
        match place {
            Some(span) => fault.at(span, ""),
            None => match inner.name() {
                Some(name) => fault.note(format!("in template {name}")),
                None => fault,
            },
        }
    }

    /// The template's place in the table; it is added when it is first needed.
    fn file_id(&self, file: usize, sources: &Sources) -> Option<FileId> {
        let template = &self.files.get(file)?.file;
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.resize(self.files.len(), None);
        // Another table may be in use than the last time: an entry holds where the text is ours.
        let holds = |id: &FileId| {
            sources
                .get(*id)
                .is_some_and(|source| Arc::ptr_eq(&source.text, &template.text))
        };
        let id = ids[file]
            .filter(holds)
            .unwrap_or_else(|| sources.add(template.shown.clone(), Arc::clone(&template.text)));
        ids[file] = Some(id);
        Some(id)
    }

    /// Checks that a template compiles, and returns the names it reads, dotted.
    ///
    /// # Errors
    /// The syntax fault at its place.
    pub fn reads(&self, template: &str, sources: &Sources) -> Result<Vec<String>, Box<Diagnostic>> {
        let template = self
            .plain
            .get_template(template)
            .map_err(|error| Box::new(self.explain(&error, false, sources)))?;
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort();
        Ok(names)
    }

    /// Where a template first says these words, for faults that are found without rendering.
    pub fn find(&self, template: &str, words: &str, sources: &Sources) -> Option<Span> {
        let file = self
            .files
            .iter()
            .position(|known| known.file.name == template)?;
        let at = self.files[file].file.text.find(words)?;
        let id = self.file_id(file, sources)?;
        Some(Span::new(id, at, at + words.len()))
    }

    /// Prepares inputs for [`Engine::evaluate`].
    pub fn scope(&self, spec: &Node) -> Scope {
        rules::scope(spec)
    }

    /// Evaluates an expression of a schema over the fields of the object at `path` of the inputs.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn evaluate(
        &self,
        expression: &str,
        scope: &Scope,
        path: &FieldPath,
    ) -> Result<Answer, String> {
        rules::evaluate(&self.plain, expression, scope, path)
    }
}

/// What an expression of a schema came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `none`.
    Nothing,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
}

/// Finds text that templates cannot carry: four code points are used inside the engine.
pub(super) fn reserved(node: &Node) -> Option<Diagnostic> {
    fn find(node: &Node) -> Option<Span> {
        if node.scalar_text().is_some_and(marks::has_marks) {
            return Some(node.span);
        }
        let items = node.as_seq().unwrap_or_default().iter();
        let values = node.as_map().into_iter().flatten();
        items.clone().find_map(find).or_else(|| {
            values.into_iter().find_map(|entry| {
                let key = marks::has_marks(&entry.key).then_some(entry.key_span);
                key.or_else(|| find(&entry.value))
            })
        })
    }
    find(node).map(reserved_fault)
}

fn reserved_fault(span: Span) -> Diagnostic {
    Diagnostic::error(
        "input",
        "holds a character that Unicode reserves for programs",
    )
    .at(span, "one of U+FDD0 to U+FDD3")
}

fn environment(files: &Arc<Vec<Template>>, shared: &Shared, marked: bool) -> Environment<'static> {
    let mut env = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true);
    env.set_syntax(syntax.build().expect("the default delimiters are valid"));
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    env.set_debug(true);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(DEPTH);
    let files = Arc::clone(files);
    env.set_loader(move |name| {
        let found = files.iter().find(|known| known.file.name == name);
        Ok(found.map(|known| {
            if marked {
                known.marked().text.clone()
            } else {
                known.file.text.to_string()
            }
        }))
    });
    let cell = shared.clone();
    env.set_formatter(move |out, state, value| format(out, state, value, &cell));
    filters::add(&mut env, shared);
    functions::add(&mut env, shared);
    rules::add(&mut env);
    env
}

/// Prints a bare value: text and numbers alone; anything else would come out as Python prints it.
fn format(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
    shared: &Shared,
) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::String => value.as_str().map(str::to_owned),
        ValueKind::Number => json::number(value),
        ValueKind::Undefined => return minijinja::escape_formatter(out, state, value),
        _ => None,
    };
    let text = text.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "a {} is not printed bare; pipe it through `json`",
                value.kind()
            ),
        )
    })?;
    let printed = {
        let cell = shared.lock();
        match cell.trace.find(value).filter(|_| cell.marking) {
            Some(input) => marks::wrap(input, &text),
            None => text,
        }
    };
    out.write_str(&printed).map_err(Error::from)
}

/// A writer that refuses what is beyond the limit.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
