//! The service while something around it goes away and comes back.

mod stopping;
