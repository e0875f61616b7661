//! A short list without room to grow: a build holds hundreds of thousands of them.

use std::ops::{Deref, DerefMut};

/// A list that is as long as its memory. To push moves it, so it is for what changes rarely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Few<T>(Box<[T]>);

impl<T> Few<T> {
    /// Adds an item at the end.
    pub(crate) fn push(&mut self, item: T) {
        self.change(|items| {
            items.reserve_exact(1);
            items.push(item);
        });
    }

    /// Changes the list as one that can grow.
    pub(crate) fn change<R>(&mut self, change: impl FnOnce(&mut Vec<T>) -> R) -> R {
        let mut items = std::mem::take(&mut self.0).into_vec();
        let result = change(&mut items);
        self.0 = items.into_boxed_slice();
        result
    }

    /// Takes all items out.
    pub(crate) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.0).into_vec()
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items.into_boxed_slice())
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}
