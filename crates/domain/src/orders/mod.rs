//! Service orders: residents order, the community dispatches, party members and volunteers accept
//! (居民点单、社区派单、党员接单).

mod catalog;
mod decide;
mod order;
mod state;
mod timing;
mod transition;
mod volunteer;

pub use catalog::{
    Answer, Answers, KindLimit, Question, QuestionKind, ServiceKind, check_answers, check_limits, check_questions,
    limit_at,
};
pub use decide::{Completion, Merged, NewOrder, OrderChange, OrderEffect};
pub use order::{Assignee, Confirmation, ConfirmedBy, Point, Priority, Remark, Requester, ServiceOrder, Site, Team};
pub use state::{Dispatch, Hold, OrderState, Resolution, State, Target, Work};
pub use transition::{Caller, RULES, Transition, TransitionRule};
pub use volunteer::{Origin, Volunteer, VolunteerState, VolunteerTeam};
