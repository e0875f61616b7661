//! The native overlay build: reads `kustomization.yaml` trees and yields what `kustomize build`
//! prints, byte for byte, in linear time and with positions in every message.

mod accumulate;
mod aliases;
mod builtin;
mod compat;
mod config;
mod crds;
mod decode;
mod defaults;
mod documents;
pub mod expand;
mod fieldspec;
pub mod function;
mod generators;
pub mod hash;
mod helm_charts;
mod image_name;
mod images;
mod inline;
mod kustomization;
mod labels;
mod load;
mod names;
mod namespace;
mod order;
mod origin;
pub mod outside;
mod patch;
mod plugins;
pub mod record;
mod references;
mod remote;
mod replacements;
mod resmap;
mod resource;
mod run;
mod selector;
mod shared;
mod silent;
mod structured;
mod targets;
mod transform;
mod typed;
mod value_path;
mod vars;
mod yaml_text;

pub use compat::Compat;
pub use expand::{
    ExpandInput, ExpandResource, Expansion, NoTypedResources, NoValidators, TypedField,
    TypedFieldSpec, TypedResources, Validators,
};
pub use load::LoadRestrictions;
pub use run::{
    Build, Builder, Options, Order, build, is_kustomization, is_kustomization_file, is_repository,
    kustomization_file,
};
