//! Values that orders take and give alike.

use domain::{
    clocks::ClockKind,
    orders::{Answer, Point, Priority},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{http::WordOf, orders::catalog::OptionText};

/// A position in degrees, WGS 84.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Point)]
pub struct PointIo {
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub longitude: f64,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub latitude: f64,
}

/// Words that answer a question.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = AnswerText, max_length = 500)]
pub struct AnswerText(String);

/// Options that answer a question.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = AnswerChoices, max_items = 50)]
pub struct AnswerChoices(Vec<OptionText>);

/// An answer to a question: text, a number, yes or no, or some of the options.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Answer)]
pub enum AnswerIo {
    /// Yes or no.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// Words, or one of the options.
    Text(AnswerText),
    /// Some of the options.
    Choices(AnswerChoices),
}

/// A new answer to a question, or `null` to take the old one back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = AnswerPatch)]
pub struct AnswerChangeIn(pub Option<AnswerIo>);

/// What a clock measures: until somebody has accepted, or until it is done.
pub type ClockIo = WordOf<ClockKind>;

/// How urgent an order is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Priority)]
pub enum PriorityIo {
    /// 紧急
    Urgent,
    /// 一般
    Normal,
    /// 不急
    Low,
}

impl From<AnswerIo> for Answer {
    fn from(answer: AnswerIo) -> Self {
        match answer {
            AnswerIo::Boolean(value) => Self::Boolean(value),
            AnswerIo::Number(value) => Self::Number(value),
            AnswerIo::Text(AnswerText(value)) => Self::Text(value),
            AnswerIo::Choices(AnswerChoices(value)) => {
                Self::Choices(value.into_iter().map(|option| option.0).collect())
            }
        }
    }
}

impl From<Answer> for AnswerIo {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Boolean(value) => Self::Boolean(value),
            Answer::Number(value) => Self::Number(value),
            Answer::Text(value) => Self::Text(AnswerText(value)),
            Answer::Choices(value) => Self::Choices(AnswerChoices(value.into_iter().map(OptionText).collect())),
        }
    }
}

impl From<PointIo> for Point {
    fn from(point: PointIo) -> Self {
        let PointIo { longitude, latitude } = point;
        Self { longitude, latitude }
    }
}

impl From<Point> for PointIo {
    fn from(point: Point) -> Self {
        let Point { longitude, latitude } = point;
        Self { longitude, latitude }
    }
}

impl From<PriorityIo> for Priority {
    fn from(priority: PriorityIo) -> Self {
        match priority {
            PriorityIo::Urgent => Self::Urgent,
            PriorityIo::Normal => Self::Normal,
            PriorityIo::Low => Self::Low,
        }
    }
}

impl From<Priority> for PriorityIo {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Urgent => Self::Urgent,
            Priority::Normal => Self::Normal,
            Priority::Low => Self::Low,
        }
    }
}
