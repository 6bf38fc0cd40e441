//! What a notification says: neutral words, in which nobody is named and nothing is told that only some may see.

use crate::problem::Locale;

/// Kinds of event that people are told of: `(kind, in Chinese, in English)`.
const WORDS: &[(&str, &str, &str)] = &[
    ("service_order.placed", "有新的点单等待派单", "A new order waits to be dispatched"),
    ("service_order.dispatched", "有一条点单派给了你", "An order was dispatched to you"),
    ("service_order.transferred", "有一条点单转给了你", "An order was handed over to you"),
    ("service_order.accepted", "你的点单已有人接单", "Somebody has accepted your order"),
    ("service_order.claimed", "你的点单已有人接单", "Somebody has accepted your order"),
    (
        "service_order.declined",
        "有一条点单被退回，等待重新派单",
        "An order was declined and waits to be dispatched again",
    ),
    ("service_order.held", "你的点单暂停处理，请查看原因", "Work on your order is paused; see why"),
    ("service_order.completed", "你的点单已办结，请确认", "Your order is done; please say whether it is solved"),
    ("service_order.confirmed", "你办理的点单已得到答复", "An order that you did was answered"),
    ("service_order.reopened", "有一条点单被要求重新办理", "More work is asked for on an order"),
    ("service_order.cancelled", "派给你的点单已撤销", "An order that was dispatched to you was called off"),
    ("service_order.rejected", "你的点单未被受理，请查看原因", "Your order was turned down; see why"),
    ("service_order.merged", "你的点单已并入另一条点单", "Your order was folded into another one"),
    ("service_order.updated", "你办理的点单内容有变更", "An order in your hands was changed"),
    ("service_order.extension_requested", "有一条点单申请延期", "More time is asked for on an order"),
    ("service_order.extension_refused", "你的延期申请未获同意", "You are not given more time"),
    ("service_order.extended", "有一条点单已延期，请查看原因", "An order was given more time; see why"),
    ("service_order.warned", "有一条点单即将超时", "An order is nearly due"),
    ("service_order.overdue", "有一条点单已超时", "An order is overdue"),
    ("service_order.risen", "有一条超时点单上报到你处", "An overdue order has risen to you"),
    ("grant.created", "你有一项新的授权", "You were granted a role"),
    ("grant.approved", "你的一项授权已获批准", "A role that you were granted was approved"),
    ("grant.revoked", "你的一项授权已收回", "A role of yours was taken back"),
    ("volunteer.approved", "你的志愿者申请已通过", "You were accepted as a volunteer"),
    ("volunteer.refused", "你的志愿者申请未通过", "You were not accepted as a volunteer"),
    ("user.password_reset", "你的密码已被重设", "Your password was set anew"),
    ("appointment.created", "你有一项新的任职", "You were appointed to a post"),
    ("appointment.ended", "你的一项任职已结束", "An appointment of yours has ended"),
    ("appointment.handed_over", "有一项任职移交给了你", "A post was handed over to you"),
    ("appointment.term_ending", "你的一项任职即将到期", "A term of yours ends soon"),
];

/// The words for a kind of event.
pub fn words(kind: &str, locale: Locale) -> &'static str {
    let known = WORDS.iter().find(|(known, ..)| *known == kind);
    match (known, locale) {
        (Some((_, chinese, _)), Locale::Chinese) => chinese,
        (Some((_, _, english)), Locale::English) => english,
        (None, Locale::Chinese) => "你有一条新的消息",
        (None, Locale::English) => "You have a new message",
    }
}
