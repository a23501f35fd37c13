pub(crate) mod sink;
pub(crate) mod source;
