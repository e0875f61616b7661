//! The native overlay build: reads `kustomization.yaml` trees and yields what `kustomize build`
//! prints, byte for byte, in linear time and with positions in every message.

pub mod expand;

pub use expand::{
    ExpandInput, ExpandResource, Expansion, NoTypedResources, NoValidators, TypedField,
    TypedFieldSpec, TypedResources, Validators,
};
