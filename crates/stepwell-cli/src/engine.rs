//! The embedded engine, which is absent without the feature `embedded`.

#[cfg(not(feature = "embedded"))]
mod absent;
#[cfg(feature = "embedded")]
mod embedded;

#[cfg(not(feature = "embedded"))]
pub(crate) use self::absent::EmbeddedEngine;
#[cfg(feature = "embedded")]
pub(crate) use self::embedded::EmbeddedEngine;
