//! Changes in an overlay: finds the place that counts, changes it there, and builds the overlay
//! with the new text, before anything is written, to see that the change takes effect.
//!
//! The place is an entry of the overlay's own kustomization where it has one; else the file of
//! the overlay itself that sets the value (a patch, a typed resource, a manifest); else a new
//! entry of the kustomization. Files that belong to another kustomization are left alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::file::{FileEdit, OpenFile};
use super::kustomization::{self, ImageEntry};
use super::loose::{several, unknown};
use super::request::{ImageChange, Part, Request, split_reference};
use super::uses::{self, Meaning, Names, Rank, Use};
use crate::kustomize::{Build, kustomization_file};
use crate::manifest::source::display_path;
use crate::manifest::{Diagnostic, Diagnostics, Node, Object, Sources, Span, suggest};

/// What builds overlays for an edit.
pub trait Builds: Sync {
    /// Builds an overlay with these texts in place of what the files hold.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn build(&self, folder: &Path, texts: &[(PathBuf, String)]) -> Result<Build, Diagnostics>;
}

/// Whether a source was named, or found in a folder that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It was named: what it does not have is added, or is an error.
    One,
    /// It was found: changed where its own kustomization has an entry for what is asked.
    Entries,
    /// It was found: changed where a file of its own sets what is asked, too.
    Files,
}

/// What came of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These files change.
    Changed(Vec<FileEdit>),
    /// It is as it was asked for.
    Unchanged,
    /// It does not mention what was asked for.
    NotMentioned,
}

/// An overlay that is being edited.
struct Overlay<'b> {
    sources: &'b Sources,
    folder: &'b Path,
    file: OpenFile,
    /// Files of the overlay's own that are edited too.
    others: Vec<OpenFile>,
    /// The overlay as it is, where it can be built.
    before: Option<Build>,
    /// Names of the entries of `images` that are to take effect.
    touched: Vec<String>,
    scope: Scope,
}

/// Changes an overlay.
///
/// # Errors
/// What is asked for is not in it, the place cannot be written to, or the overlay would not build
/// with the change. Nothing is written here. Warnings are added to `warnings`.
pub fn edit_overlay(
    sources: &Sources,
    folder: &Path,
    request: &Request,
    scope: Scope,
    builds: Option<&dyn Builds>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Outcome, Diagnostics> {
    let name = display_path(folder);
    let path = kustomization_file(folder).ok_or_else(|| {
        let message = format!("`{name}` has no kustomization.yaml");
        Diagnostic::error("no-kustomization", message)
    })?;
    let before = builds.map(|builds| builds.build(folder, &[]));
    let before = match before {
        Some(Err(Diagnostics(faults))) => {
            warnings.push(unchecked(&name, &faults));
            None
        }
        Some(Ok(build)) => Some(build),
        None => None,
    };
    let mut overlay = Overlay {
        sources,
        folder,
        file: OpenFile::read(&path)?,
        others: Vec::new(),
        before,
        touched: Vec::new(),
        scope,
    };
    let is_mentioned = overlay.apply(request)?;
    let Overlay {
        file,
        others,
        before,
        touched,
        ..
    } = overlay;
    let mut edits = Vec::new();
    for file in others.into_iter().chain([file]) {
        edits.extend(file.finish()?);
    }
    if edits.is_empty() {
        return Ok(if is_mentioned {
            Outcome::Unchanged
        } else {
            Outcome::NotMentioned
        });
    }
    if let (Some(before), Some(builds)) = (&before, builds) {
        let texts: Vec<(PathBuf, String)> = edits
            .iter()
            .map(|edit| (edit.path.clone(), edit.after.clone()))
            .collect();
        let after = builds.build(folder, &texts).map_err(|mut faults| {
            if let Some(first) = faults.0.first_mut() {
                first.notes.push(format!(
                    "`{name}` would not build with this change; nothing is written"
                ));
            }
            faults
        })?;
        let is_own = |span: Span| {
            let source = sources.get(span.file());
            source.is_some_and(|source| is_same(Path::new(&source.name), &path))
        };
        for warning in &after.warnings {
            let at = warning.primary.as_ref().map(|label| label.span);
            let names = |name: &String| warning.message.contains(&format!("`{name}`"));
            if warning.rule == "image-unused" && at.is_some_and(is_own) && touched.iter().any(names)
            {
                return Err(without_effect(sources, &name, warning, &after).into());
            }
        }
        warnings.extend(same_build(&name, request, before, &after));
    }
    Ok(Outcome::Changed(edits))
}

fn unchecked(name: &str, faults: &[Diagnostic]) -> Diagnostic {
    let reason = faults.first().map_or("", |fault| fault.message.as_str());
    let message = format!("`{name}` does not build: {reason}");
    Diagnostic::warning("edit-unchecked", message)
        .note("whether the change takes effect is not checked")
}

impl Overlay<'_> {
    /// Makes the changes. Returns whether the overlay mentions what is changed.
    fn apply(&mut self, request: &Request) -> Result<bool, Diagnostic> {
        let draft = &mut self.file.draft;
        match request {
            Request::Images(changes) => {
                let mut any = false;
                for change in changes {
                    any |= self.image(change)?;
                }
                Ok(any)
            }
            Request::Replicas(counts) => {
                let mut any = false;
                for (workload, count) in counts {
                    any |= self.replicas(workload, *count)?;
                }
                Ok(any)
            }
            Request::Namespace(namespace) => {
                let has = self.scope == Scope::One || kustomization::has_namespace(draft);
                if has {
                    kustomization::set_namespace(draft, namespace)?;
                }
                Ok(has)
            }
            Request::Labels(changes, reach) => {
                let mut any = false;
                for change in changes {
                    if self.scope == Scope::One || kustomization::has_label(draft, &change.key) {
                        kustomization::set_label(draft, change, *reach)?;
                        any = true;
                    }
                }
                Ok(any)
            }
            Request::Annotations(changes) => {
                let mut any = false;
                for change in changes {
                    let is_there = kustomization::has_annotation(draft, &change.key);
                    if self.scope == Scope::One || is_there {
                        kustomization::set_annotation(draft, change)?;
                        any = true;
                    }
                }
                Ok(any)
            }
        }
    }

    fn image(&mut self, change: &ImageChange) -> Result<bool, Diagnostic> {
        let entries = kustomization::image_entries(&self.file.draft);
        let Some(typed) = &change.name else {
            return self.all_images(&entries, change);
        };
        // What entries of this kustomization make is known by the entries' own names.
        let uses: Vec<Use> = self
            .uses()
            .into_iter()
            .filter(|found| self.entry_of(&entries, found).is_none())
            .collect();
        let mut names = Names::default();
        for entry in &entries {
            names.add(&entry.name);
            if let Some(new_name) = &entry.new_name {
                names.rename(&entry.name, new_name);
            }
        }
        for found in self.uses() {
            let entry = self.entry_of(&entries, &found);
            let image = entry.map_or_else(
                || split_reference(&found.reference).0.to_owned(),
                |entry| entry.name.clone(),
            );
            names.add(&image);
            names.call(Rank::Container, &image, &found.container);
            names.call(Rank::Object, &image, &found.object);
        }
        let image = match names.find(typed) {
            Meaning::Image(image) => image,
            Meaning::Several(images) => return Err(several(typed, &images)),
            Meaning::None { .. } if uses.iter().any(|found| is_set(change, found)) => {
                return Ok(true);
            }
            Meaning::None { .. } if self.scope != Scope::One => return Ok(false),
            // Without a build nobody knows better.
            Meaning::None { .. } if self.before.is_none() => typed.clone(),
            Meaning::None { near, known } => {
                return Err(unknown(typed, &display_path(self.folder), near, &known));
            }
        };
        let mut own = entries.iter().filter(|entry| entry.name == image);
        if let Some(entry) = own.next() {
            self.touched.push(image.clone());
            if own.next().is_some() {
                let message = format!("two entries of `images` are for `{image}`");
                return Err(Diagnostic::error("image-ambiguous", message).hint("keep one of them"));
            }
            kustomization::set_image(&mut self.file.draft, entry, change)?;
            return Ok(true);
        }
        if self.scope == Scope::Entries {
            return Ok(false);
        }
        let meant = uses
            .iter()
            .filter(|found| split_reference(&found.reference).0 == image);
        let meant: Vec<&Use> = meant.collect();
        if let Some(places) = self.own_places(meant.iter().map(|found| found.span)) {
            for (path, offset) in places {
                self.set_reference(&path, offset, change)?;
            }
            return Ok(true);
        }
        if self.scope != Scope::One {
            return Ok(false);
        }
        if !meant.is_empty() && meant.iter().all(|found| change.is_done(&found.reference)) {
            return Ok(true);
        }
        self.touched.push(image.clone());
        kustomization::add_image(&mut self.file.draft, &image, change)?;
        Ok(true)
    }

    /// Sets the tag of every entry that sets one.
    fn all_images(
        &mut self,
        entries: &[ImageEntry],
        change: &ImageChange,
    ) -> Result<bool, Diagnostic> {
        let tagged: Vec<&ImageEntry> = entries.iter().filter(|entry| entry.has_tag).collect();
        if tagged.is_empty() && self.scope == Scope::One {
            let name = display_path(&self.file.path);
            let message = format!("no entry of `images` in `{name}` has a `newTag`");
            return Err(
                Diagnostic::error("image-unknown", message).hint("name the image: NAME=TAG")
            );
        }
        for entry in &tagged {
            self.touched.push(entry.name.clone());
            kustomization::set_image(&mut self.file.draft, entry, change)?;
        }
        Ok(!tagged.is_empty())
    }

    fn uses(&self) -> Vec<Use> {
        let objects = self.before.as_ref().map(|build| build.objects.as_slice());
        uses::of_objects(self.sources, objects.unwrap_or_default())
    }

    /// The entry of this kustomization's `images` that made a reference.
    fn entry_of<'e>(&self, entries: &'e [ImageEntry], found: &Use) -> Option<&'e ImageEntry> {
        let path = self.path_of(found.span)?;
        if !is_same(&path, &self.file.path) {
            return None;
        }
        kustomization::entry_at(&self.file.draft, entries, found.span.start() as usize)
    }

    fn path_of(&self, span: Span) -> Option<PathBuf> {
        let source = self.sources.get(span.file())?;
        Some(PathBuf::from(&source.name))
    }

    /// The files and offsets of values, where all of them are set by files of the overlay's own.
    fn own_places(&self, spans: impl Iterator<Item = Span>) -> Option<Vec<(PathBuf, usize)>> {
        let own = self.own_files();
        let mut places = Vec::new();
        for span in spans {
            let path = self.path_of(span)?.canonicalize().ok()?;
            let at = own.iter().find(|(real, _)| *real == path)?;
            places.push((at.1.clone(), span.start() as usize));
        }
        places.sort();
        places.dedup();
        (!places.is_empty()).then_some(places)
    }

    /// The files that this kustomization itself lists as resources and patches: their true paths,
    /// and how they are shown.
    fn own_files(&self) -> Vec<(PathBuf, PathBuf)> {
        let Some(root) = self.file.draft.trees().first() else {
            return Vec::new();
        };
        let mut names = Vec::new();
        for (list, field) in [
            ("resources", ""),
            ("patchesStrategicMerge", ""),
            ("patches", "path"),
            ("patchesJson6902", "path"),
        ] {
            let items = root.get(list).and_then(Node::as_seq).unwrap_or_default();
            let text = |item: &Node| {
                let node = if field.is_empty() {
                    Some(item)
                } else {
                    item.get(field)
                };
                node.and_then(Node::as_str).map(str::to_owned)
            };
            names.extend(items.iter().filter_map(text));
        }
        let shown = |name: &String| self.folder.join(name.strip_prefix("./").unwrap_or(name));
        let files = names.iter().map(shown);
        files
            .filter_map(|path| Some((path.canonicalize().ok().filter(|p| p.is_file())?, path)))
            .collect()
    }

    fn other(&mut self, path: &Path) -> Result<&mut OpenFile, Diagnostic> {
        let known = self.others.iter().position(|file| file.path == path);
        let at = if let Some(at) = known {
            at
        } else {
            self.others.push(OpenFile::read(path)?);
            self.others.len() - 1
        };
        Ok(&mut self.others[at])
    }

    /// Changes an image reference in a file of the overlay's own.
    fn set_reference(
        &mut self,
        path: &Path,
        offset: usize,
        change: &ImageChange,
    ) -> Result<(), Diagnostic> {
        let file = self.other(path)?;
        let found = file.draft.find(offset);
        let old = found.as_ref().and_then(|(page, path)| {
            let node = file.draft.node(*page, path)?;
            node.as_str().map(str::to_owned)
        });
        let (Some((page, place)), Some(old)) = (found, old) else {
            let message = format!("cannot edit `{}`", display_path(path));
            return Err(Diagnostic::error("edit-refused", message)
                .note("the image stands behind an anchor or in a block"));
        };
        let new = change.apply(&old);
        let words = format!("image {old} -> {new}");
        let value = Node::string(new, Span::NONE);
        file.draft.put(page, &place, value, &[], words).map(drop)
    }

    fn replicas(&mut self, workload: &str, count: i64) -> Result<bool, Diagnostic> {
        if kustomization::has_replicas(&self.file.draft, workload) {
            kustomization::set_replicas(&mut self.file.draft, workload, count)?;
            return Ok(true);
        }
        if self.scope == Scope::Entries {
            return Ok(false);
        }
        let objects = self.before.as_ref().map(|build| build.objects.as_slice());
        let objects = objects.unwrap_or_default();
        let scaled: Vec<&Object> = objects.iter().filter(|object| can_scale(object)).collect();
        let names: Vec<String> = self.plain_names(&scaled);
        let object = names.iter().position(|name| name == workload);
        if object.is_none() && self.before.is_some() {
            if self.scope != Scope::One {
                return Ok(false);
            }
            let message = format!(
                "`{}` has no workload `{workload}`",
                display_path(self.folder)
            );
            let fault = Diagnostic::error("workload-unknown", message);
            let near = suggest::nearest(workload, names.iter().map(String::as_str));
            return Err(match near {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None if names.is_empty() => fault.note("it has no workloads with replicas"),
                None => fault.note(format!("its workloads are {}", names.join(", "))),
            });
        }
        let set_by = object.and_then(|at| scaled[at].root.at(&["spec", "replicas"]));
        let old = set_by.and_then(Node::as_i64);
        let span = set_by.map(|node| self.sources.trace(node.span).input.unwrap_or(node.span));
        if let Some(places) = self.own_places(span.into_iter()) {
            for (path, offset) in places {
                let file = self.other(&path)?;
                if let Some((page, place)) = file.draft.find(offset) {
                    let old = file.draft.node(page, &place).and_then(Node::scalar_text);
                    let words = format!("{workload}: replicas {} -> {count}", old.unwrap_or("1"));
                    let value = Node::int(count, Span::NONE);
                    file.draft.put(page, &place, value, &[], words)?;
                    return Ok(true);
                }
            }
        }
        if self.scope != Scope::One {
            return Ok(false);
        }
        if old == Some(count) {
            return Ok(true);
        }
        kustomization::set_replicas(&mut self.file.draft, workload, count)?;
        Ok(true)
    }

    /// The names of objects without the prefix and suffix of this kustomization.
    fn plain_names(&self, objects: &[&Object]) -> Vec<String> {
        let root = self.file.draft.trees().first();
        let text = |field: &str| {
            let node = root.and_then(|root| root.get(field));
            node.and_then(Node::as_str).unwrap_or_default().to_owned()
        };
        let (prefix, suffix) = (text("namePrefix"), text("nameSuffix"));
        let plain = |object: &&Object| {
            let name = object.name();
            let name = name.strip_prefix(prefix.as_str()).unwrap_or(name);
            name.strip_suffix(suffix.as_str())
                .unwrap_or(name)
                .to_owned()
        };
        objects.iter().map(plain).collect()
    }
}

fn can_scale(object: &Object) -> bool {
    matches!(
        object.kind(),
        "Deployment" | "ReplicaSet" | "ReplicationController" | "StatefulSet"
    )
}

/// Whether a reference is already what is asked for, under its new name.
fn is_set(change: &ImageChange, found: &Use) -> bool {
    matches!(change.new_name, Part::Set(_)) && change.is_done(&found.reference)
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The fault of an entry of `images` that no container uses: kustomize is silent about it.
fn without_effect(sources: &Sources, name: &str, unused: &Diagnostic, after: &Build) -> Diagnostic {
    let images = uses::of_objects(sources, &after.objects);
    let names = images
        .iter()
        .map(|found| split_reference(&found.reference).0);
    let names: BTreeSet<&str> = names.collect();
    let names: Vec<&str> = names.into_iter().collect();
    let message = format!("this changes nothing in `{name}`: {}", unused.message);
    Diagnostic::error("edit-without-effect", message)
        .note(format!("its images are {}", names.join(", ")))
        .note("nothing is written")
}

/// The warning of a change after which the overlay is what it was.
fn same_build(name: &str, request: &Request, before: &Build, after: &Build) -> Option<Diagnostic> {
    let mut pairs = before.objects.iter().zip(&after.objects);
    let is_same = before.objects.len() == after.objects.len()
        && pairs.all(|(a, b)| a.root.same_value(&b.root));
    is_same.then(|| {
        let message = format!("`{name}` builds to the same objects as before");
        Diagnostic::warning("edit-without-effect", message).note(format!(
            "something else sets this {request}, or nothing uses it"
        ))
    })
}
