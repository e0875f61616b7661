//! From a file to verdicts: documents, lists of objects, and what is no object at all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Definitions, Judgement, Validator, Verdict};
use crate::lint::{Facts, Ignored};
use crate::manifest::object::ObjectId;
use crate::manifest::read::{self, Document};
use crate::manifest::{Diagnostic, Diagnostics, FileId, Node, Object, ReadOptions, Sources, Span};
use crate::parallel::on_all_cores;

/// The verdict on one object of a source, or on a document that cannot be one.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Where it stands.
    pub span: Span,
    /// `apiVersion` as written; empty for a document that could not be read as an object, as
    /// are the other names then.
    pub api_version: String,
    /// Kind, namespace and name.
    pub id: ObjectId,
    /// The verdict.
    pub judgement: Judgement,
    /// What the lint needs to know of it, until that has run.
    pub(super) facts: Option<Box<Facts>>,
    waiting: Waiting,
}

/// Whether a verdict waits for a definition that another file may hold.
#[derive(Clone, Debug)]
enum Waiting {
    No,
    /// The object was made from several files, or is an update of the other one.
    Made(Object, Option<Object>),
    /// The object can be read again from its file, which is cheaper than to keep it.
    Read,
}

/// The verdicts on all objects of a source.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// One for each object, in order.
    pub objects: Vec<Judged>,
    /// Number of documents that are no manifests: other YAML, kustomization files.
    pub skipped: usize,
    /// Number of overlays that were built.
    pub overlays: usize,
    /// Number of Helm charts that were rendered.
    pub charts: usize,
    /// Number of files of Helm charts that are no manifests and were left out.
    pub chart_files: usize,
    /// Findings that are about no object.
    pub remarks: Vec<Diagnostic>,
    /// Findings of the lint that were switched off.
    pub ignored: Vec<Ignored>,
    /// The custom resource definitions among the objects.
    definitions: Definitions,
}

impl Verdicts {
    /// Adds those of another source.
    pub fn append(&mut self, mut other: Verdicts) {
        self.objects.append(&mut other.objects);
        self.skipped += other.skipped;
        self.overlays += other.overlays;
        self.charts += other.charts;
        self.chart_files += other.chart_files;
        self.remarks.append(&mut other.remarks);
        self.ignored.append(&mut other.ignored);
        self.definitions.extend(other.definitions);
    }

    /// All that there is to say, by object.
    pub fn findings(&self) -> impl Iterator<Item = &Diagnostic> {
        let of_objects = self
            .objects
            .iter()
            .flat_map(|judged| &judged.judgement.findings);
        of_objects.chain(&self.remarks)
    }

    /// Adds the verdict on an object.
    pub fn judge(&mut self, validator: Validator, object: &Object) {
        let judgement = validator.judge(object);
        self.add(judgement, object, || Waiting::Made(object.clone(), None));
    }

    /// Adds the verdict on an update of an object.
    pub fn judge_update(&mut self, validator: Validator, old: &Object, new: &Object) {
        let judgement = validator.judge_update(&Definitions::default(), old, new);
        self.add(judgement, new, || {
            Waiting::Made(new.clone(), Some(old.clone()))
        });
    }

    /// Judges the objects of files again, as updates of what was there before.
    pub fn compare<'o>(
        &mut self,
        validator: Validator,
        sources: &Sources,
        before: impl Fn(&ObjectId) -> Option<&'o Object>,
    ) {
        let mut again = Again::new(validator, sources);
        for judged in &mut self.objects {
            let Some(old) = before(&judged.id) else {
                continue;
            };
            let Some(new) = again.object(judged.span) else {
                continue;
            };
            let update = validator.judge_update(&Definitions::default(), old, &new);
            let mut before = std::mem::replace(&mut judged.judgement, update);
            // What is wrong with the document was said before.
            before
                .findings
                .retain(|finding| finding.rule == "duplicate-key");
            if !before.findings.is_empty() {
                judged.judgement.verdict = Verdict::Rejected;
                judged.judgement.unknown = None;
                judged.judgement.findings.append(&mut before.findings);
            }
            judged.waiting = match judged.judgement.verdict {
                Verdict::Unknown => Waiting::Made(new, Some(old.clone())),
                _ => Waiting::No,
            };
        }
    }

    fn add(&mut self, judgement: Judgement, object: &Object, wait: impl FnOnce() -> Waiting) {
        self.definitions.add(object);
        self.objects.push(Judged {
            span: object.span(),
            api_version: object.api_version().to_owned(),
            id: object.id(),
            facts: Some(Box::new(Facts::of(object))),
            waiting: match judgement.verdict {
                Verdict::Unknown => wait(),
                _ => Waiting::No,
            },
            judgement,
        });
    }

    /// Judges the custom resources by the definitions that were found on the way and by those
    /// that are given; the former win. Call it once, when all sources are judged.
    pub fn settle(&mut self, validator: Validator, sources: &Sources, mut given: Definitions) {
        given.extend(std::mem::take(&mut self.definitions));
        let mut again = Again::new(validator, sources);
        for judged in &mut self.objects {
            if !given.knows(&judged.id.group, &judged.id.kind) {
                judged.waiting = Waiting::No;
                continue;
            }
            let (object, old) = match std::mem::replace(&mut judged.waiting, Waiting::No) {
                Waiting::No => continue,
                Waiting::Made(object, old) => (object, old),
                Waiting::Read => match again.object(judged.span) {
                    Some(object) => (object, None),
                    None => continue,
                },
            };
            let version = validator.version();
            let judgement = match &old {
                Some(old) => given.judge_update(version, old, &object),
                None => given.judge(version, &object),
            };
            if let Some(judgement) = judgement {
                // What is wrong with the document was said before.
                let mut before = std::mem::replace(&mut judged.judgement, judgement);
                let judgement = &mut judged.judgement;
                if before.verdict == Verdict::Rejected {
                    judgement.verdict = Verdict::Rejected;
                    judgement.unknown = None;
                }
                judgement.findings.append(&mut before.findings);
            }
        }
    }

    /// Adds what could not be read as objects.
    pub fn refuse(&mut self, span: Span, findings: Vec<Diagnostic>) {
        self.objects.push(Judged {
            span,
            api_version: String::new(),
            id: ObjectId {
                group: "".into(),
                kind: "".into(),
                namespace: "".into(),
                name: "".into(),
            },
            judgement: Judgement {
                verdict: Verdict::Rejected,
                unknown: None,
                findings,
            },
            facts: None,
            waiting: Waiting::No,
        });
    }
}

/// Loads and judges files, on all cores. The order of the result is that of the paths.
pub fn judge_files(validator: Validator, sources: &Sources, paths: &[PathBuf]) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for file in on_all_cores(paths, |path| judge_path(validator, sources, path)) {
        verdicts.append(file);
    }
    verdicts
}

fn judge_path(validator: Validator, sources: &Sources, path: &Path) -> Verdicts {
    match read::load(sources, path) {
        Ok(file) => judge_file(validator, sources, file),
        Err(Diagnostics(findings)) => {
            let mut verdicts = Verdicts::default();
            verdicts.refuse(primary_span(&findings), findings);
            verdicts
        }
    }
}

/// Judges all objects of a file that is read as kubectl reads it.
pub fn judge_file(validator: Validator, sources: &Sources, file: FileId) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for document in read::read_documents(sources, file, &ReadOptions::kubectl()) {
        match document {
            Ok(document) => judge_document(validator, document, &mut verdicts),
            Err(Diagnostics(findings)) => verdicts.refuse(primary_span(&findings), findings),
        }
    }
    // Those of thousands of files wait to be put together.
    verdicts.objects.shrink_to_fit();
    verdicts
}

/// Judges one document, the items of a `List` one by one.
fn judge_document(validator: Validator, document: Document, verdicts: &mut Verdicts) {
    let Document { root, duplicates } = document;
    if root.is_null() {
        return;
    }
    let first = verdicts.objects.len();
    judge_node(validator, root, verdicts);
    // Equal keys make the whole document wrong, so the first of its objects bears them.
    let Some(judged) = verdicts.objects.get_mut(first) else {
        return;
    };
    for duplicate in duplicates {
        let field = match duplicate.path.as_str() {
            "" => duplicate.key.clone(),
            path => format!("{path}.{}", duplicate.key),
        };
        let message = format!("key `{}` is already set in this mapping", duplicate.key);
        let finding = Diagnostic::error("duplicate-key", message)
            .at(duplicate.second, "set again here")
            .also(duplicate.first, "first set here")
            .in_object(judged.id.to_string())
            .field(field);
        judged.judgement.verdict = Verdict::Rejected;
        judged.judgement.unknown = None;
        judged.judgement.findings.push(finding);
    }
}

fn judge_node(validator: Validator, root: Node, verdicts: &mut Verdicts) {
    let span = root.span;
    let given = |key| root.get(key).is_some_and(|node| !node.is_null());
    if root.as_map().is_some() && !given("apiVersion") && !given("kind") {
        verdicts.skipped += 1;
        return;
    }
    // A clone shares the tree.
    let Some(object) = Object::from_node(root.clone()) else {
        return verdicts.refuse(span, vec![no_object(&root)]);
    };
    if object.group() == "kustomize.config.k8s.io" {
        verdicts.skipped += 1;
        return;
    }
    match items(validator, &object) {
        Some(items) => {
            for item in items {
                judge_node(validator, item.clone(), verdicts);
            }
        }
        None => verdicts.add(validator.judge(&object), &object, || Waiting::Read),
    }
}

/// Reads objects again from their files, the last of which it keeps.
struct Again<'a> {
    validator: Validator,
    sources: &'a Sources,
    file: Option<(FileId, HashMap<Span, Object>)>,
}

impl<'a> Again<'a> {
    fn new(validator: Validator, sources: &'a Sources) -> Self {
        Self {
            validator,
            sources,
            file: None,
        }
    }

    /// The object that stands there; once, for it is taken out.
    fn object(&mut self, span: Span) -> Option<Object> {
        let id = span.file();
        if self.file.as_ref().is_none_or(|(last, _)| *last != id) {
            self.file = Some((id, objects_of(self.validator, self.sources, id)));
        }
        self.file.as_mut()?.1.remove(&span)
    }
}

/// The objects of a file in their order, lists taken apart. What is no object is left out.
pub fn objects_in(validator: Validator, sources: &Sources, file: FileId) -> Vec<Object> {
    let found = objects_of(validator, sources, file);
    let mut found: Vec<(Span, Object)> = found.into_iter().collect();
    found.sort_by_key(|(span, _)| span.start());
    found.into_iter().map(|(_, object)| object).collect()
}

/// The objects of a file, lists taken apart, by where they stand.
fn objects_of(validator: Validator, sources: &Sources, file: FileId) -> HashMap<Span, Object> {
    let documents = read::read_documents(sources, file, &ReadOptions::kubectl());
    let mut objects = HashMap::new();
    let mut left: Vec<Node> = documents
        .into_iter()
        .filter_map(Result::ok)
        .map(|document| document.root)
        .collect();
    while let Some(root) = left.pop() {
        let Some(object) = Object::from_node(root) else {
            continue;
        };
        match items(validator, &object) {
            Some(items) => left.extend(items.iter().cloned()),
            None => {
                objects.insert(object.span(), object);
            }
        }
    }
    objects
}

/// The items of `kind: List` and of typed lists such as `ConfigMapList`, which kubectl takes
/// apart and sends one by one.
fn items(validator: Validator, object: &Object) -> Option<&[Node]> {
    let (group, version) = (object.group(), object.version());
    let item = object.kind().strip_suffix("List")?;
    let is_list = match item {
        "" => group.is_empty() && version == "v1",
        _ => validator.tables.kind(group, version, item).is_some(),
    };
    if !is_list {
        return None;
    }
    object.root.get("items")?.as_seq()
}

/// Where the first of the findings stands.
pub fn primary_span(findings: &[Diagnostic]) -> Span {
    let primary = findings.iter().find_map(|finding| finding.primary.as_ref());
    primary.map_or(Span::NONE, |label| label.span)
}

fn no_object(root: &Node) -> Diagnostic {
    let remark = if root.as_map().is_some() {
        let text = |key: &str| root.get(key).and_then(Node::as_str);
        let absent = |key: &&str| text(key).is_none_or(str::is_empty);
        let missing: Vec<_> = ["apiVersion", "kind"].into_iter().filter(absent).collect();
        format!("it has no `{}`", missing.join("` and no `"))
    } else {
        "a mapping with `apiVersion` and `kind` is expected".to_owned()
    };
    let span = match root.as_map().and_then(|map| map.iter().next()) {
        Some(first) => first.key_span,
        None => root.span,
    };
    Diagnostic::error("no-object", "this document is no Kubernetes object").at(span, remark)
}
