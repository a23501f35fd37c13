//! The commands, one a file.

pub(crate) mod completions;
pub(crate) mod list;
#[cfg(feature = "embedded")]
pub(crate) mod local;
pub(crate) mod rows;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod validate;

/// Without the embedded engine there is none.
#[cfg(not(feature = "embedded"))]
pub(crate) mod local {
    use stepwell::PipelineId;

    use crate::output::Output;

    pub(crate) enum Local {}

    impl Local {
        pub(crate) fn show_rows_of(&self, _id: &PipelineId) {
            match *self {}
        }

        pub(crate) async fn cannot_save(&self) -> String {
            match *self {}
        }

        pub(crate) fn warn_of_others_than(&self, _id: &PipelineId, _output: &Output) {
            match *self {}
        }

        pub(crate) fn url(&self) -> String {
            match *self {}
        }
    }
}
