//! What order endpoints take and give.

mod clock;
mod help;
mod input;
mod order;
mod values;

pub use help::{CandidateListOut, CandidateOut, SimilarIn, SimilarListOut};
pub use input::{
    ChangeIn, CompleteIn, ConfirmIn, DispatchIn, ExtendIn, HoldIn, MaybeReasonIn, MergeIn, OnBehalfIn, PlaceIn,
    ReasonIn, RefuseExtensionIn, TransferIn,
};
pub use order::{ContactOut, OrderOut, OrderPageOut};
pub use values::{AnswerChangeIn, PriorityIo};
