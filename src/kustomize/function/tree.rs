//! The kustomizations that a function runs in and above, read and not carried out: which objects
//! their files declare, and which configurations reach them.

use std::path::Path;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::kustomize::config::RawConfig;
use crate::kustomize::decode::Text;
use crate::kustomize::inline::text_of;
use crate::kustomize::kustomization::Kustomization;
use crate::kustomize::load::{Dir, Files, LoadRestrictions, Loaded, Mode, shown_path};
use crate::manifest::{Diagnostics, FileId, Gvk, Node, Object};

/// An object as a file declares it.
#[derive(Clone)]
pub(super) struct Declared {
    pub(super) gvk: Gvk,
    pub(super) name: SmolStr,
    pub(super) node: Node,
}

impl Declared {
    /// Kind and name.
    pub(super) fn key(&self) -> (SmolStr, SmolStr) {
        (self.gvk.kind.clone(), self.name.clone())
    }
}

/// What a kustomization has gathered when its own fields run.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) declared: Vec<Declared>,
    pub(super) configs: Vec<Arc<RawConfig>>,
}

/// A kustomization with what its fields act on.
pub(super) struct Scope {
    loaded: Arc<Result<Loaded, Diagnostics>>,
    pub(super) seen: Seen,
}

impl Scope {
    /// The kustomization; it was read, or there would be no scope.
    pub(super) fn kustomization(&self) -> Option<&Kustomization> {
        let loaded = self.loaded.as_ref().as_ref().ok()?;
        Some(&loaded.kustomization)
    }
}

/// Reads a tree of kustomizations from the leaves up, in kustomize's order.
pub(super) struct Reader<'r, 's> {
    files: &'r Files<'s>,
    /// Every kustomization that was read, the leaves first.
    pub(super) scopes: Vec<Scope>,
    open: Vec<Arc<Path>>,
}

impl<'r, 's> Reader<'r, 's> {
    pub(super) fn new(files: &'r Files<'s>) -> Self {
        Self {
            files,
            scopes: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Reads a kustomization and those below it.
    ///
    /// # Errors
    /// Files that cannot be read; what they declare wrongly is kustomize's to say.
    pub(super) fn read(&mut self, dir: &Dir, seen: &mut Seen) -> Result<(), Diagnostics> {
        if self.open.contains(&dir.real) {
            return Ok(());
        }
        let loaded = self.files.kustomization(dir);
        let kustomization = match loaded.as_ref() {
            Ok(loaded) => &loaded.whole()?.kustomization,
            Err(faults) => return Err(faults.clone()),
        };
        self.open.push(Arc::clone(&dir.real));
        for entry in &kustomization.resources {
            self.resource(dir, entry, seen)?;
        }
        for entry in &kustomization.configurations {
            seen.configs.push(self.config(dir, entry)?);
        }
        for entry in &kustomization.components {
            if let Some(component) = self.folder(dir, entry) {
                self.read(&component, seen)?;
            }
        }
        self.open.pop();
        self.scopes.push(Scope {
            loaded,
            seen: seen.clone(),
        });
        Ok(())
    }

    /// The objects of an entry of `transformers`: a text in place, a file or a folder.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub(super) fn plugins(
        &mut self,
        dir: &Dir,
        entry: &Text,
    ) -> Result<Vec<Declared>, Diagnostics> {
        let mut seen = Seen::default();
        if entry.value.contains('\n') || entry.value.starts_with('{') {
            self.objects(text_of(self.files, entry), &mut seen)?;
        } else {
            self.resource(dir, entry, &mut seen)?;
        }
        Ok(seen.declared)
    }

    /// A file or folder; what is neither lies afar, and kustomize has fetched it.
    fn resource(&mut self, dir: &Dir, entry: &Text, into: &mut Seen) -> Result<(), Diagnostics> {
        if let Some(folder) = self.folder(dir, entry) {
            let mut base = Seen::default();
            self.read(&folder, &mut base)?;
            into.declared.extend(base.declared);
            into.configs.extend(base.configs);
            return Ok(());
        }
        let Ok((real, shown)) = self.files.find(dir, entry, LoadRestrictions::None) else {
            return Ok(());
        };
        self.objects(self.files.text(&real, &shown)?, into)
    }

    fn objects(&self, file: FileId, into: &mut Seen) -> Result<(), Diagnostics> {
        let objects = self.files.objects(file, Mode::Resources);
        let objects = (*objects).as_ref().map_err(Clone::clone)?;
        into.declared.extend(objects.iter().filter_map(|node| {
            let object = Object::from_node(node.clone())?;
            Some(Declared {
                gvk: object.gvk(),
                name: object.name().into(),
                node: object.root,
            })
        }));
        Ok(())
    }

    fn folder(&self, dir: &Dir, entry: &Text) -> Option<Dir> {
        let real = self.files.resolve(dir, &entry.value).ok()?;
        real.is_dir.then(|| Dir {
            real: real.path,
            shown: shown_path(dir, &entry.value),
            repository: dir.repository.clone(),
        })
    }

    fn config(&self, dir: &Dir, entry: &Text) -> Result<Arc<RawConfig>, Diagnostics> {
        let (real, shown) = self.files.find(dir, entry, LoadRestrictions::None)?;
        let file = self.files.text(&real, &shown)?;
        let root = self.files.document(file)?;
        RawConfig::read(&root).map(Arc::new).map_err(Diagnostics)
    }
}
