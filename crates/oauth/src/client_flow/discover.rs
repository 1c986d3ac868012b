//! The search for the protected resource metadata.
use super::{Answer, Context, FlowError, Step};
use std::time::SystemTime;

pub(super) struct ResourceSearch {
    context: Context,
}

pub(super) fn start(context: Context) -> Step {
    let _ = ResourceSearch { context };
    FlowError::NoCode.into()
}

impl ResourceSearch {
    pub(super) fn answered(self, answer: Answer, now: SystemTime) -> Step {
        let _ = (answer, now, self.context);
        FlowError::NoCode.into()
    }
}
