//! Lianxin.
