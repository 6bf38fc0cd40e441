//! Every error as a problem document (RFC 9457): one catalog of codes, one place that maps errors to statuses.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use domain::{
    cn::RegionCode,
    refusal::{FieldError, Refusal, Standing},
    time::Instant,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// An answer that names faults names so many at most: more of them would be longer than what they are about.
const MOST_ERRORS: usize = 100;

/// The public codes: `(code, status, title in Chinese, title in English)`.
pub const CODES: &[(&str, u16, &str, &str)] = &[
    ("bad-request", 400, "请求格式不正确", "The request is malformed"),
    ("invalid-json", 400, "请求内容不是有效的 JSON", "The body is not valid JSON"),
    ("invalid-parameter", 400, "请求参数不正确", "A parameter is not valid"),
    ("field-not-allowed", 400, "不能按不可见的字段查询", "What one does not see cannot be filtered by"),
    ("idempotency-key-required", 400, "请提供 Idempotency-Key", "Send Idempotency-Key"),
    ("invalid-cursor", 400, "分页游标无效", "The cursor is not valid"),
    ("invalid-grant", 400, "刷新令牌无效", "The refresh token is not valid"),
    ("unauthenticated", 401, "请先登录", "Sign in first"),
    ("invalid-token", 401, "访问令牌无效或已过期", "The access token is not valid or has expired"),
    ("wrong-credentials", 401, "用户名或密码不正确", "User name or password is wrong"),
    ("totp-required", 401, "请输入动态验证码", "A one-time password is needed as well"),
    ("reauthentication-required", 401, "请重新登录后再操作", "Sign in again for this operation"),
    ("forbidden", 403, "没有权限执行此操作", "You may not do this"),
    ("mfa-required", 403, "请先启用两步验证", "Set up a second factor first"),
    ("password-expired", 403, "密码已过期，请先修改密码", "The password has expired: set another one first"),
    ("access-approval-required", 403, "需要审批后才能查看", "Seeing this needs an approval"),
    ("not-found", 404, "没有找到", "Not found"),
    ("method-not-allowed", 405, "不支持此请求方法", "This method is not supported here"),
    ("not-acceptable", 406, "无法提供所要求的格式", "None of the accepted forms can be served"),
    ("invalid-transition", 409, "当前状态不能执行此操作", "This cannot be done in the present state"),
    ("has-open-orders", 409, "还有未办结的点单，请先转交", "There are open orders: hand them over first"),
    ("duplicate", 409, "已经存在", "It exists already"),
    ("has-dependents", 409, "仍有下级数据，不能删除", "Something depends on it still"),
    ("same-signer", 409, "需要另一人签字", "Somebody else has to sign"),
    ("overdraft", 409, "余额不足", "There is not enough money"),
    ("already-reversed", 409, "已有冲正", "It is being taken back already"),
    ("nothing-to-disclose", 409, "没有待公示的账目", "There is no entry to disclose"),
    ("codes-clash", 409, "编码冲突，请先调整", "Codes are taken: change them first"),
    ("version-mismatch", 412, "数据已被他人更新", "Somebody else has changed it"),
    ("body-too-large", 413, "请求内容过大", "The body is too large"),
    ("uri-too-long", 414, "请求地址过长", "The address is too long"),
    ("unsupported-media-type", 415, "不支持此内容类型", "This content type is not supported"),
    ("validation-failed", 422, "提交的数据未通过校验", "What was sent is not valid"),
    ("idempotency-key-reused", 422, "幂等键已用于其他请求", "The idempotency key was used for another request"),
    ("precondition-required", 428, "请提供 If-Match", "Send If-Match"),
    ("quota-exceeded", 429, "已超出次数限制", "A limit is reached"),
    ("account-locked", 429, "登录失败次数过多，请稍后再试", "Too many attempts to sign in failed, try again later"),
    ("head-too-long", 431, "请求头过长", "The head of the request is too long"),
    ("internal", 500, "服务器内部错误", "Something went wrong here"),
    ("data-integrity", 500, "数据完整性校验失败", "Stored data failed its integrity check"),
    ("unavailable", 503, "服务暂时不可用，请稍后再试", "Not available at the moment, try again later"),
];

/// Codes of faults in one member: `(code, in Chinese, in English)`.
pub const FIELD_CODES: &[(&str, &str, &str)] = &[
    ("required", "必须填写", "is required"),
    ("unknown-member", "不允许的字段", "is not a member that can be sent"),
    ("wrong-type", "类型不正确", "is of the wrong type"),
    ("too-short", "太短", "is too short"),
    ("too-long", "太长", "is too long"),
    ("too-small", "太小", "is too small"),
    ("too-large", "太大", "is too large"),
    ("too-many", "数量过多", "has too many items"),
    ("format", "格式不正确", "has a wrong format"),
    ("not-allowed", "不是允许的值", "is not an allowed value"),
    ("not-found", "不存在或不可见", "does not exist or cannot be seen"),
    ("control-character", "含有不允许的控制字符", "contains a control character"),
    ("duplicate", "已经存在", "exists already"),
    ("field-not-allowed", "不可见的字段", "is not shown to you"),
    ("implausible", "不合情理", "is not plausible"),
    ("in-future", "不能晚于现在", "must not be after now"),
    ("not-in-future", "必须晚于现在", "must be after now"),
    ("too-far-ahead", "时间过远", "is too far ahead"),
    ("not-later", "必须晚于现有时限", "must be later than it is due already"),
    ("clock-expired", "时限已过或已停止", "is over or does not run"),
    ("not-requested", "没有待批的延期申请", "is not asked to be extended"),
    ("not-mergeable", "不能并入该订单", "is not an order to merge into"),
    ("not-changeable", "不能修改", "cannot be changed"),
    ("not-together", "不能与其他字段同时填写", "cannot stand beside another member"),
    ("id-number-format", "身份证号格式不正确", "is not an ID number"),
    ("id-number-checksum", "身份证号校验位不正确", "has a wrong check character"),
    ("id-number-date", "身份证号中的出生日期不正确", "contains an impossible date of birth"),
    ("legacy-id-number", "15 位身份证号已停用", "is an ID number of 15 digits, no longer in use"),
    ("precision-lost", "数字精度已丢失", "has lost digits"),
    ("uscc-charset", "统一社会信用代码含有不允许的字符", "contains a character that credit codes do not use"),
    ("uscc-format", "统一社会信用代码格式不正确", "is not a credit code"),
    ("uscc-checksum", "统一社会信用代码校验位不正确", "has a wrong check character"),
    ("region-code-format", "区划代码格式不正确", "is not a region code"),
    ("phone-format", "手机号格式不正确", "is not a telephone number"),
    ("name-format", "姓名格式不正确", "is not a name"),
    ("contradicts-id-number", "与身份证号不一致", "contradicts the ID number"),
    ("contradicts-member", "与其他字段不一致", "contradicts another member"),
    ("circular", "不能隶属于自己的下级", "is below this one already"),
    ("incompatible-roles", "与该用户已有的角色不相容", "cannot be held beside a role that the user has"),
    ("end-before-start", "结束时间必须晚于开始时间", "the end must be after the start"),
    ("superseded", "已撤销或合并，请使用新的代码", "has a successor: use that"),
    ("before-start", "不能早于开始日期", "is before the start"),
    ("not-permitted", "无权操作", "is not yours to change"),
    ("holds-no-post", "当日没有任职", "holds no post on that day"),
    ("not-a-member", "不是成员", "is not a member"),
    ("wrong-password", "密码不正确", "is not the password"),
    ("password-too-short", "密码太短", "is too short"),
    ("wrong-code", "验证码不正确", "is not the code"),
    ("password-too-plain", "密码需包含大写字母、小写字母、数字、其他字符中的三类", "needs characters of three sorts"),
    ("password-used-before", "不能使用最近用过的密码", "was used lately"),
    ("password-guessable", "密码太容易被猜到", "is too easy to guess"),
    ("incomplete", "不完整", "is not complete"),
    ("shares-not-whole", "份额之和必须等于整体", "has shares that do not make the whole"),
    ("no-party-organization", "不是党组织", "is no party organization"),
    ("not-an-area", "不是有效的区域", "is not an area: rings are closed and do not cross"),
    ("not-active", "已停用", "is not offered at present"),
];

/// A fault in one member or parameter, as it is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub struct FieldOut {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pointer: Option<String>,
    /// Name of a query parameter or header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// What is wrong.
    pub code: String,
    /// The same in words.
    pub detail: String,
}

/// Problem details for HTTP APIs (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({"type": "/problems/not-found", "code": "not-found", "title": "没有找到", "status": 404, "instance": "/api/v1/service-orders/019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}))]
pub struct ProblemOut {
    /// `/problems/{code}`, or the URI that is registered for it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code, the same in every language.
    pub code: String,
    /// What it is, in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// More about this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// The path that was asked for.
    pub instance: String,
    /// By which the log tells of it.
    pub trace_id: String,
    /// Faults of single members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub errors: Option<Vec<FieldOut>>,
}

/// An error on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static str,
    errors: Vec<(Place, &'static str)>,
    extra: Map<String, Value>,
    /// Headers that go with it.
    headers: Vec<(&'static str, String)>,
    tampered: Option<Box<Tampered>>,
}

/// Where a sealed value did not open. The caller is not told; an event is.
#[derive(Debug, Clone)]
pub struct Tampered {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: String,
}

#[derive(Debug, Clone)]
enum Place {
    Pointer(String),
    Parameter(String),
}

/// The language of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// The default.
    Chinese,
    /// `en`
    English,
}

impl Locale {
    /// As headers name it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The first language of an `Accept-Language` that is spoken here.
    #[must_use]
    pub fn accepted(header: Option<&str>) -> Self {
        let mut tags: Vec<(f32, &str)> = header
            .unwrap_or_default()
            .split(',')
            .filter_map(|item| {
                let mut parts = item.trim().split(';');
                let tag = parts.next()?.trim();
                let quality = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
                (quality > 0.0).then_some((quality, tag))
            })
            .collect();
        tags.sort_by(|a, b| b.0.total_cmp(&a.0));
        tags.iter()
            .find_map(|(_, tag)| {
                let language = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
                match language.as_str() {
                    "zh" => Some(Self::Chinese),
                    "en" => Some(Self::English),
                    _ => None,
                }
            })
            .unwrap_or(Self::Chinese)
    }
}

impl Problem {
    /// A problem of the catalog.
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        Self { code, errors: Vec::new(), extra: Map::new(), headers: Vec::new(), tampered: None }
    }

    /// The problem that a bare status stands for.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        Self::new(match status {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not-found",
            405 => "method-not-allowed",
            406 => "not-acceptable",
            413 => "body-too-large",
            414 => "uri-too-long",
            415 => "unsupported-media-type",
            431 => "head-too-long",
            503 => "unavailable",
            400..=499 => "bad-request",
            _ => "internal",
        })
    }

    /// Faults in members of the body.
    #[must_use]
    pub fn invalid(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let errors = errors.into_iter().map(|error| (Place::Pointer(error.pointer), error.code)).collect();
        Self { errors, ..Self::new("validation-failed") }
    }

    /// A fault in one member of the body.
    #[must_use]
    pub fn field(pointer: impl Into<String>, code: &'static str) -> Self {
        Self::invalid([FieldError::new(pointer, code)])
    }

    /// A member of the body names a region by a code that another one came after.
    #[must_use]
    pub fn superseded(pointer: &str, successor: &RegionCode) -> Self {
        Self::field(pointer, "superseded").with("successor_code", successor.as_str())
    }

    /// Adds a member of the body because of which it is so.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, code: &'static str) -> Self {
        self.errors.push((Place::Pointer(pointer.into()), code));
        self
    }

    /// A fault in a query parameter or header.
    #[must_use]
    pub fn parameter(name: impl Into<String>, code: &'static str) -> Self {
        Self { errors: vec![(Place::Parameter(name.into()), code)], ..Self::new("invalid-parameter") }
    }

    /// A filter on a member that the caller does not see: by filtering he could find out what it holds.
    #[must_use]
    pub fn field_not_allowed(name: impl Into<String>) -> Self {
        Self { errors: vec![(Place::Parameter(name.into()), "field-not-allowed")], ..Self::new("field-not-allowed") }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Says when it is worth trying again, in whole seconds from now.
    #[must_use]
    pub fn until(self, until: Instant, now: Instant) -> Self {
        let seconds = ((until - now).num_milliseconds() + 999) / 1000;
        self.with_header("Retry-After", seconds.max(1).to_string())
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Where a sealed value did not open, if that is the problem.
    #[must_use]
    pub fn tampered(&self) -> Option<&Tampered> {
        self.tampered.as_deref()
    }

    /// What `type` says: the page of its code, or the name that is registered for it.
    fn kind(&self) -> String {
        match self.code {
            "quota-exceeded" => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
            code => format!("/problems/{code}"),
        }
    }

    fn entry(&self) -> (u16, &'static str, &'static str) {
        CODES
            .iter()
            .find(|(code, ..)| *code == self.code)
            .map_or((500, "服务器内部错误", "Something went wrong here"), |(_, status, zh, en)| {
                (*status, zh, en)
            })
    }

    /// The document.
    #[must_use]
    pub fn document(&self, instance: &str, trace_id: &str, locale: Locale) -> Value {
        let (status, zh, en) = self.entry();
        let pick = |zh: &str, en: &str| if locale == Locale::Chinese { zh.to_owned() } else { en.to_owned() };
        let mut document = Map::new();
        let mut put = |name: &str, value: Value| document.insert(name.to_owned(), value);
        put("type", self.kind().into());
        put("code", self.code.into());
        put("title", pick(zh, en).into());
        put("status", status.into());
        if !self.errors.is_empty() {
            let count = self.errors.len();
            put("detail", pick(&format!("{count} 处有误"), &format!("{count} faults")).into());
        }
        put("instance", instance.into());
        put("trace_id", trace_id.into());
        if !self.errors.is_empty() {
            let errors = self.errors.iter().take(MOST_ERRORS).map(|(place, code)| {
                let words = FIELD_CODES.iter().find(|(known, ..)| known == code);
                let detail = words.map_or((*code).to_owned(), |(_, zh, en)| pick(zh, en));
                match place {
                    Place::Pointer(pointer) => json!({"pointer": pointer, "code": code, "detail": detail}),
                    Place::Parameter(name) => json!({"parameter": name, "code": code, "detail": detail}),
                }
            });
            put("errors", errors.collect());
        }
        document.extend(self.extra.clone());
        Value::Object(document)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.entry().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer without its document: the envelope writes that, which knows path, trace and language.
    fn error_response(&self) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status_code());
        for (name, value) in &self.headers {
            builder.insert_header((*name, value.as_str()));
        }
        match self.code {
            "unauthenticated" | "wrong-credentials" | "totp-required" => {
                builder.insert_header(("WWW-Authenticate", "Bearer"));
            }
            "invalid-token" => {
                builder.insert_header(("WWW-Authenticate", "Bearer error=\"invalid_token\""));
            }
            "reauthentication-required" => {
                let value = "Bearer error=\"insufficient_user_authentication\", max_age=600";
                builder.insert_header(("WWW-Authenticate", value));
            }
            "unavailable" => {
                builder.insert_header(("Retry-After", "2"));
            }
            _ => {}
        }
        let mut response = builder.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Forbidden => Self::new("forbidden"),
            Refusal::WrongState(standing) => {
                let Standing { state, version, actions, assignee } = *standing;
                let problem = Self::new("invalid-transition")
                    .with("current_state", state)
                    .with("current_version", version)
                    .with("actions", json!(actions));
                match assignee {
                    Some(assignee) => problem.with(
                        "assignee",
                        json!({"volunteer_id": assignee.volunteer_id, "display_name": assignee.display_name}),
                    ),
                    None => problem,
                }
            }
            Refusal::Conflict(code) => Self::new(code),
            Refusal::Invalid(errors) => Self::invalid(errors),
        }
    }
}

impl From<persistence::Error> for Problem {
    fn from(error: persistence::Error) -> Self {
        use persistence::Error as E;
        match &error {
            E::NotFound => return Self::new("not-found"),
            E::Forbidden => return Self::new("forbidden"),
            E::Stale => return Self::new("version-mismatch"),
            E::Superseded => return Self::new("unavailable"),
            E::TooMany => return Self::new("quota-exceeded"),
            E::Duplicate { member: "id" } => return Self::new("duplicate"),
            E::Duplicate { member } => return Self::field(format!("/{member}"), "duplicate"),
            _ => {}
        }
        // logged once, here at the boundary; the caller gets words of the catalog only
        tracing::error!(error = %error, "database");
        match error {
            E::Unavailable(_) | E::Audit(_) => Self::new("unavailable"),
            E::Tampered { table, column, row } => {
                Self { tampered: Some(Box::new(Tampered { table, column, row })), ..Self::new("data-integrity") }
            }
            _ => Self::new("internal"),
        }
    }
}
