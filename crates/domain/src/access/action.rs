//! What can be done to a resource.

use std::fmt;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// Something that a caller can do. Names of transitions are those of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[$doc])* $name),+ }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word that the API uses.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

actions! {
    /// See it, alone or in a list.
    Read = "read",
    /// Make a new one.
    Create = "create",
    /// Change its members.
    Update = "update",
    /// End or remove it.
    Delete = "delete",
    /// Find persons by what they are called or reached by.
    Search = "search",
    /// Look at masked members in full, for a stated purpose.
    Reveal = "reveal",
    /// See who looked at masked members.
    AccessLog = "access-log",
    /// Count rows by region and state.
    Count = "count",
    /// Say yes to an application or a pending grant.
    Approve = "approve",
    /// Say no to an application.
    Refuse = "refuse",
    /// Stop being a volunteer.
    Leave = "leave",
    /// Give a region another code.
    Recode = "recode",
    /// End an appointment.
    End = "end",
    /// Hand the posts of one person over to another.
    HandOver = "hand-over",
    /// Say how a compound is managed from a day on.
    ChangeMode = "change-mode",
    /// Say which party organization covers a compound from a day on.
    Cover = "cover",
    /// Say that none covers it any more.
    Uncover = "uncover",
    /// Say to whom a dwelling belongs from a day on.
    ChangeOwners = "change-owners",
    /// Write an entry into a ledger.
    Enter = "enter",
    /// Sign an entry as the second one.
    Sign = "sign",
    /// Take an entry back by another one.
    Reverse = "reverse",
    /// Show entries to those to whom the money belongs.
    Disclose = "disclose",
    /// Close an account.
    Disable = "disable",
    /// Set a new password for an account.
    ResetPassword = "reset-password",
    /// Take the second factor from an account.
    ResetSecondFactor = "reset-second-factor",
    /// Give a client another secret.
    RotateSecret = "rotate-secret",
    /// Place an order for somebody else.
    PlaceOnBehalf = "place-on-behalf",
    /// Hand an order to a volunteer, a team, or open it to claims.
    Dispatch = "dispatch",
    /// Accept an order that was dispatched to one.
    Accept = "accept",
    /// Give an order more time.
    Extend = "extend",
    /// Ask for more time for an order that one holds.
    RequestExtension = "request-extension",
    /// Say no to one who asks for more time.
    RefuseExtension = "refuse-extension",
    /// Return an order to the dispatcher.
    Decline = "decline",
    /// Take an order that is open to claims.
    Claim = "claim",
    /// Hand an order over to another holder.
    Transfer = "transfer",
    /// Begin the work.
    Start = "start",
    /// Pause the work.
    Hold = "hold",
    /// Go on with the work.
    Resume = "resume",
    /// Finish the work.
    Complete = "complete",
    /// Answer, as the resident, whether it is solved.
    Confirm = "confirm",
    /// Write down what a resident without an account answered on the telephone.
    ConfirmByTelephone = "confirm-by-telephone",
    /// Ask, as the resident, for more work.
    Reopen = "reopen",
    /// Write down what a resident without an account asked for on the telephone.
    ReopenByTelephone = "reopen-by-telephone",
    /// Call an order off.
    Cancel = "cancel",
    /// Turn an order down.
    Reject = "reject",
    /// Fold an order into another one, a region into its neighbor.
    Merge = "merge",
    /// Say «me too».
    Join = "join",
    /// Set how urgent an order is.
    Prioritize = "prioritize",
    /// See name, telephone number and address, to do the work.
    Contact = "contact",
    /// See who suits an order.
    Candidates = "candidates",
}

impl Action {
    /// Whether it leaves everything as it is.
    #[must_use]
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::Count)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSet(u64);

impl ActionSet {
    /// The set of these actions.
    #[must_use]
    pub fn of(actions: &[Action]) -> Self {
        Self(actions.iter().fold(0, |bits, action| bits | Self::bit(*action)))
    }

    /// Whether an action is in the set.
    #[must_use]
    pub fn has(self, action: Action) -> bool {
        self.0 & Self::bit(action) != 0
    }

    /// Everything that is in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Everything that is in one or the other.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn bit(action: Action) -> u64 {
        1 << (action as u32)
    }
}

const _: () = assert!(Action::ALL.len() <= 64, "an ActionSet holds 64 actions");
