//! The catalog: kinds of service, and the questions that each asks.

use std::collections::BTreeMap;

use super::Priority;
use crate::{
    access::{Located, words},
    clocks::{ClockKind, Counting, Limit},
    cn::RegionCode,
    id::ServiceKindId,
    refusal::FieldError,
    resource::resource,
    time::Instant,
};
use serde::{Deserialize, Serialize};

words! {
    /// What sort of answer a question asks for.
    QuestionKind {
        /// A sentence.
        Text = "text",
        /// A number.
        Number = "number",
        /// Yes or no.
        Boolean = "boolean",
        /// One of the options.
        Choice = "choice",
        /// Some of the options.
        Choices = "choices",
    }
}

/// A question that a kind of service asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The member of `answers` that holds the answer.
    pub key: String,
    /// The question as it is put to people.
    pub label: String,
    /// What sort of answer.
    pub kind: QuestionKind,
    /// Whether it must be answered.
    pub required: bool,
    /// The options of a choice; empty for others.
    pub options: Vec<String>,
}

/// How long orders of a kind may take at one priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindLimit {
    /// At which priority; what is said of normal ones holds for those of which nothing is said.
    pub priority: Priority,
    /// Minutes within which somebody should have accepted.
    pub response_minutes: Option<i32>,
    /// Minutes within which it should be done.
    pub resolution_minutes: Option<i32>,
    /// Which time counts.
    pub counting: Counting,
}

/// The limit that holds at a priority.
#[must_use]
pub fn limit_at(limits: &[KindLimit], priority: Priority, kind: ClockKind) -> Option<Limit> {
    let at = |priority| limits.iter().find(|limit| limit.priority == priority);
    let KindLimit { priority: _, response_minutes, resolution_minutes, counting } =
        at(priority).or_else(|| at(Priority::Normal))?;
    let minutes = match kind {
        ClockKind::Response => *response_minutes,
        ClockKind::Resolution => *resolution_minutes,
    };
    Some(Limit { minutes: minutes?, counting: *counting })
}

/// Names what is wrong with the limits of a kind: a priority stands once, and nothing may be done before it is taken.
#[must_use]
pub fn check_limits(limits: &[KindLimit]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, limit) in limits.iter().enumerate() {
        if limits.iter().take(index).any(|earlier| earlier.priority == limit.priority) {
            errors.push(FieldError::new(format!("/limits/{index}/priority"), "duplicate"));
        }
        if let (Some(response), Some(resolution)) = (limit.response_minutes, limit.resolution_minutes)
            && resolution < response
        {
            let both = ["response_minutes", "resolution_minutes"];
            errors.extend(both.map(|name| FieldError::new(format!("/limits/{index}/{name}"), "contradicts-member")));
        }
    }
    errors
}

/// An answer.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// To [`QuestionKind::Boolean`].
    Boolean(bool),
    /// To [`QuestionKind::Number`].
    Number(f64),
    /// To [`QuestionKind::Text`] and [`QuestionKind::Choice`].
    Text(String),
    /// To [`QuestionKind::Choices`].
    Choices(Vec<String>),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}

/// Answers by the keys of their questions.
pub type Answers = BTreeMap<String, Answer>;

/// The longest answer in words, in characters.
const LONGEST_ANSWER: usize = 500;

/// A kind of service. It holds in its region and everything below; the nearest one of a code counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKind {
    /// Its id.
    pub id: ServiceKindId,
    /// The code by which orders name it.
    pub code: String,
    /// Where it is offered.
    pub region_code: RegionCode,
    /// What people call it.
    pub name: String,
    /// Skills that it takes, as codes.
    pub skills: Vec<String>,
    /// What it asks.
    pub questions: Vec<Question>,
    /// How long it may take, by priority.
    pub limits: Vec<KindLimit>,
    /// Whether it can be ordered.
    pub active: bool,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(ServiceKind, id: ServiceKindId);

impl Located for ServiceKind {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }
}

/// Names what is wrong with the questions of a kind: each key stands once, choices have options, no others do.
#[must_use]
pub fn check_questions(questions: &[Question]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        if questions.iter().take(index).any(|earlier| earlier.key == question.key) {
            errors.push(FieldError::new(format!("/questions/{index}/key"), "duplicate"));
        }
        let is_choice = matches!(question.kind, QuestionKind::Choice | QuestionKind::Choices);
        if is_choice && question.options.is_empty() {
            errors.push(FieldError::new(format!("/questions/{index}/options"), "required"));
        }
        if !is_choice && !question.options.is_empty() {
            errors.push(FieldError::new(format!("/questions/{index}/options"), "not-together"));
        }
        let repeated =
            |(at, option): (usize, &String)| question.options.iter().take(at).any(|earlier| earlier == option);
        if question.options.iter().enumerate().any(repeated) {
            errors.push(FieldError::new(format!("/questions/{index}/options"), "duplicate"));
        }
    }
    errors
}

/// Holds answers to the questions: unknown keys, missing answers and answers of another sort are each named.
#[must_use]
pub fn check_answers(questions: &[Question], answers: &Answers) -> Vec<FieldError> {
    let at = |key: &str| format!("/answers/{}", key.replace('~', "~0").replace('/', "~1"));
    let unknown = answers
        .keys()
        .filter(|key| !questions.iter().any(|question| question.key == **key))
        .map(|key| FieldError::new(at(key), "unknown-member"));
    let faulty = questions.iter().filter_map(|question| {
        let code = match answers.get(&question.key) {
            None if question.required => "required",
            None => return None,
            Some(answer) => fault(question, answer)?,
        };
        Some(FieldError::new(at(&question.key), code))
    });
    unknown.chain(faulty).collect()
}

fn fault(question: &Question, answer: &Answer) -> Option<&'static str> {
    let offered = |choice: &String| question.options.contains(choice);
    match (question.kind, answer) {
        (QuestionKind::Text, Answer::Text(text)) if text.chars().count() > LONGEST_ANSWER => Some("too-long"),
        (QuestionKind::Text, Answer::Text(text)) if question.required && text.trim().is_empty() => Some("required"),
        (QuestionKind::Choice, Answer::Text(choice)) if !offered(choice) => Some("not-allowed"),
        (QuestionKind::Choices, Answer::Choices(choices)) if !choices.iter().all(offered) => Some("not-allowed"),
        (QuestionKind::Text | QuestionKind::Choice, Answer::Text(_))
        | (QuestionKind::Choices, Answer::Choices(_))
        | (QuestionKind::Number, Answer::Number(_))
        | (QuestionKind::Boolean, Answer::Boolean(_)) => None,
        _ => Some("wrong-type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(key: &str, kind: QuestionKind, required: bool) -> Question {
        let options = vec!["厨房".to_owned(), "卫生间".to_owned()];
        Question { key: key.to_owned(), label: key.to_owned(), kind, required, options }
    }

    #[test]
    fn answers_are_held_to_the_questions() {
        let questions = [
            question("where", QuestionKind::Choice, true),
            question("count", QuestionKind::Number, false),
            question("urgent", QuestionKind::Boolean, false),
            question("rooms", QuestionKind::Choices, false),
        ];
        let check = |pairs: &[(&str, Answer)]| {
            let answers = pairs.iter().map(|(key, answer)| ((*key).to_owned(), answer.clone())).collect();
            check_answers(&questions, &answers).into_iter().map(|e| (e.pointer, e.code)).collect::<Vec<_>>()
        };
        let text = |text: &str| Answer::Text(text.to_owned());
        assert_eq!(check(&[("where", text("厨房")), ("count", Answer::Number(2.0))]), []);
        assert_eq!(check(&[]), [("/answers/where".to_owned(), "required")]);
        assert_eq!(
            check(&[("where", text("阳台")), ("colour", text("红")), ("count", text("二"))]),
            [
                ("/answers/colour".to_owned(), "unknown-member"),
                ("/answers/where".to_owned(), "not-allowed"),
                ("/answers/count".to_owned(), "wrong-type"),
            ]
        );
        assert_eq!(
            check(&[("where", text("厨房")), ("rooms", Answer::Choices(vec!["车库".to_owned()]))]),
            [("/answers/rooms".to_owned(), "not-allowed")]
        );
    }
}
