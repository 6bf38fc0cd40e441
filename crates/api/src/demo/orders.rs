//! Service orders of the demonstration set: the whole loop, in every state, by the decisions of the domain.
//!
//! Each step is a transaction of its own, with its own time and its own actor, as it would have been.

use std::collections::HashMap;

use chrono::Duration;
use domain::{
    access::{Action, ActionSet, Actor, ResourceKind},
    clocks::{Calendar, CalendarDay},
    id::ServiceOrderId,
    orders::{
        Answer, Answers, Assignee, Caller, Completion, NewOrder, OrderEffect, Priority, Requester, Resolution,
        ServiceOrder, Site, Target, Team, check_answers,
    },
    outcome::Outcome,
    refusal::Refusal,
    time::{Instant, day_in_china},
};
use persistence::{Database, Error, Result, Tx};

use super::{
    compound_id, days_before, fault, id,
    people::{HELPERS, Helper, Resident, actor, kinds, residents},
    region,
    regions::{FLOWER_LAKE, PARK_NORTH, building_name, community_of, unit_name},
    stamp, turn,
};

type Decided = Outcome<ServiceOrder, OrderEffect>;

/// What is done in a step.
#[derive(Debug, Clone)]
enum What {
    Place,
    Dispatch(Target, Option<&'static str>, Option<Priority>),
    Accept,
    Claim,
    Decline(&'static str),
    Start,
    Hold(&'static str, Instant),
    Resume,
    Transfer(Target, &'static str),
    Complete(Resolution, Option<&'static str>),
    Confirm(bool, u8, Option<&'static str>),
    ConfirmBySilence,
    Reopen(&'static str),
    Cancel(Option<&'static str>),
    Reject(&'static str),
    Join,
    /// Into the order of this plan.
    MergeInto(usize),
}

/// A step in the life of an order: when, by whose account (`None` is the system), what.
#[derive(Debug, Clone)]
struct Step {
    at: Instant,
    by: Option<&'static str>,
    what: What,
}

/// The life of an order.
#[derive(Debug)]
pub(super) struct Plan {
    new: NewOrder,
    steps: Vec<Step>,
}

impl Plan {
    /// How many steps it has.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    fn then(&mut self, at: Instant, by: &'static str, what: What) {
        self.steps.push(Step { at, by: Some(by), what });
    }
}

/// How the life of an order goes, and how many go so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    OpenToClaims,
    Merged,
    Placed,
    ToVolunteer,
    ToTeam,
    Accepted,
    InProgress,
    OnHold,
    Completed,
    Confirmed,
    Silent,
    Cancelled,
    Rejected,
}

const STORIES: &[(Story, usize)] = &[
    (Story::OpenToClaims, 6),
    (Story::Merged, 4),
    (Story::Placed, 10),
    (Story::ToVolunteer, 6),
    (Story::ToTeam, 4),
    (Story::Accepted, 8),
    (Story::InProgress, 10),
    (Story::OnHold, 5),
    (Story::Completed, 12),
    (Story::Confirmed, 78),
    (Story::Silent, 6),
    (Story::Cancelled, 6),
    (Story::Rejected, 5),
];

/// What residents ask for: the kind, in their words, and the answers as `key=value`; a value of several
/// choices has commas.
const MATTERS: &[(&str, &str, &str)] = &[
    ("tap", "厨房水龙头一直滴水，关不紧，接了盆一晚上能满。", "place=厨房"),
    ("tap", "卫生间的水龙头拧不动了，手上没力气，想请人来看看。", "place=卫生间"),
    ("tap", "阳台洗衣机的龙头接口漏水，地上老是湿的。", "place=阳台"),
    ("tap", "水龙头把手断了，现在只能关总阀。", ""),
    ("tap", "热水那一边不出水，冷水正常。", "place=厨房"),
    ("tap", "洗手池龙头出水很小，怀疑滤网堵了。", "place=卫生间"),
    ("light_bulb", "客厅的灯不亮了，我够不着，想请人换一下。", "count=1;ladder=no"),
    ("light_bulb", "卧室和走廊两个灯泡都坏了，灯泡我已经买好了。", "count=2;ladder=yes"),
    ("light_bulb", "厨房灯一闪一闪的，换过灯泡还是闪。", "count=1;ladder=yes"),
    ("light_bulb", "卫生间灯罩里进了水，不敢开灯。", "count=1"),
    ("drain", "厨房下水道堵了，水池里的水一下午都下不去。", "place=厨房;overflow=no"),
    ("drain", "卫生间地漏返水，已经流到客厅了，麻烦快一点。", "place=卫生间;overflow=yes"),
    ("drain", "阳台排水管堵了，一下雨就积水。", "place=阳台;overflow=no"),
    ("drain", "一楼楼道的下水井往外冒水，味道很大。", "place=楼道;overflow=yes"),
    ("drain", "马桶冲不下去，自己通了两次没通开。", "place=卫生间"),
    ("rubbish", "家里换了新沙发，旧沙发抬不下楼。", "sorts=旧家具"),
    ("rubbish", "楼下堆了几袋装修垃圾，好几天没人运。", "sorts=建筑垃圾"),
    ("rubbish", "旧冰箱放在楼道口挡路，想请人帮忙拉走。", "sorts=废旧家电"),
    ("rubbish", "单元门口垃圾桶满了，周围都是垃圾。", "sorts=其他"),
    ("rubbish", "老房子清理出一张木床和一台旧电视。", "sorts=旧家具,废旧家电"),
    ("corridor_lamp", "三楼楼道灯坏了，晚上上楼看不见台阶。", "floor=3"),
    ("corridor_lamp", "五楼的声控灯不灵，拍手也不亮。", "floor=5"),
    ("corridor_lamp", "一楼门厅的灯白天也一直亮着，关不掉。", "floor=1"),
    ("corridor_lamp", "二楼灯罩掉下来了，怕砸到人。", "floor=2"),
    ("companionship", "孩子在外地打工，想有人来家里坐坐，说说话。", "about=聊天"),
    ("companionship", "下周三要去医院复查眼睛，想请人陪着去一趟。", "about=陪诊"),
    ("companionship", "老伴刚出院，想请人教我用手机挂号。", "about=手机使用"),
    ("companionship", "想去公园走走，腿脚不便，有人扶一把就好。", ""),
    ("errands", "降压药快吃完了，帮忙到社区医院取一下。", "what=取药"),
    ("errands", "这两天下雨路滑，想请人代买点菜和鸡蛋。", "what=买菜"),
    ("errands", "有个快递在驿站放了两天，太重拿不动。", "what=取快递"),
    ("errands", "电费不会在手机上交，想请人帮忙缴一下。", "what=缴费"),
];

/// What neighbors say of the lamp that somebody else has reported.
const LAMPS: &[&str] = &[
    "我们这个单元的楼道灯不亮，老人晚上下楼不安全。",
    "楼道灯坏了好几天了，麻烦来修一下。",
    "晚上倒垃圾要打手电，楼道灯请修一修。",
    "楼道里漆黑一片，小孩放学回来害怕。",
];

const NOTES: &[&str] = &["居民年纪较大，上门前请先打电话。", "麻烦尽量今天上门。", "上次也报修过，请带齐工具。"];
const DONE: &[&str] = &[
    "已更换阀芯，试水正常。",
    "已处理完毕，请居民现场确认过。",
    "换了新配件，嘱咐了使用注意事项。",
    "已清理干净，带走了垃圾。",
    "送到家中，票据已交给居民。",
];
const THANKS: &[&str] =
    &["来得很快，谢谢！", "师傅很耐心，修好了还把地拖了。", "帮了大忙。", "服务态度好，就是等得久了一点。", "修好了。"];
const WAITS: &[&str] =
    &["配件要到五金店订货，等两天。", "居民去了女儿家，约好回来再上门。", "需要楼上停水配合，已约时间。"];
const DECLINES: &[&str] = &["今天在外地出差，赶不回来。", "手上还有两单没有做完，怕耽误居民。"];
const REJECTS: &[&str] = &[
    "属于房屋质保期内的维修，已告知居民联系开发商。",
    "所述地点不在本社区范围内，已转告居民。",
    "重复报单，已电话说明。",
];
const CANCELS: &[&str] = &["儿子回来已经修好了。", "填错了地址，重新下单。", "暂时不需要了，谢谢。"];

/// The numbers of the set start here, far from those that the service draws, and are different all over the set.
const FIRST_NUMBER: usize = 900_001;

/// Makes the plans, dated relative to `now`.
pub(super) fn plans(now: Instant) -> Result<Vec<Plan>> {
    let everybody = residents()?;
    let grown: Vec<&Resident> = everybody.iter().filter(|resident| resident.person.phone.is_some()).collect();
    let mut plans: Vec<Plan> = Vec::new();
    for (story, count) in STORIES {
        for turn in 0..*count {
            let number = plans.len();
            let teller = Teller { now, number, turn, story: *story, sooner: plans.get(turn) };
            let resident = teller.resident(&grown)?;
            let plan = teller.tell(resident)?;
            plans.push(plan);
        }
    }
    // neighbors say «me too»
    for (username, number, minutes) in [("resident", 0, 90), ("resident2", 0, 130), ("resident2", 2, 75)] {
        if let Some(plan) = plans.get_mut(number) {
            let at = plan.steps.last().map_or(now, |step| step.at) + Duration::minutes(minutes);
            plan.then(at, username, What::Join);
        }
    }
    check(&plans)?;
    Ok(plans)
}

/// Holds the answers of the set to the questions of its own catalog.
fn check(plans: &[Plan]) -> Result<()> {
    let kinds = kinds()?;
    for Plan { new, .. } in plans {
        let kind = kinds.iter().find(|kind| kind.code == new.kind).ok_or_else(|| fault("kind", &new.kind))?;
        if !check_answers(&kind.questions, &new.answers).is_empty() {
            return Err(fault("answers", &new.description));
        }
    }
    Ok(())
}

/// Tells one of the stories.
struct Teller<'a> {
    now: Instant,
    /// The number of the order within the set.
    number: usize,
    /// The number of the order within its story.
    turn: usize,
    story: Story,
    /// The open order of the same turn: where an order is to be merged into.
    sooner: Option<&'a Plan>,
}

impl Teller<'_> {
    /// Whether this is one of the public orders about a lamp that is reported twice.
    fn is_about_lamp(&self) -> bool {
        matches!(self.story, Story::OpenToClaims | Story::Merged) && self.turn < LAMPS.len()
    }

    /// For whom the order is. Lamps are of one compound, so that they can be merged.
    fn resident<'r>(&self, grown: &[&'r Resident]) -> Result<&'r Resident> {
        let of = |fits: &dyn Fn(&Resident) -> bool| {
            let some: Vec<&Resident> = grown.iter().copied().filter(|resident| fits(resident)).collect();
            some.get(self.number * 7 % some.len().max(1)).copied()
        };
        let found = if self.is_about_lamp() {
            of(&|resident| resident.compound == "fuyuan" && resident.username.is_none())
        } else if self.story == Story::Cancelled {
            // only who has an account can call an order off
            let username = turn(&["resident", "resident2", "committee"], self.turn);
            of(&|resident| resident.username == Some(username))
        } else if self.story == Story::Silent || self.number % 5 != 2 {
            match self.number % 12 {
                3 => of(&|resident| resident.username == Some("resident")),
                8 => of(&|resident| resident.username == Some("resident2")),
                _ => of(&|resident| community_of(resident.compound) == PARK_NORTH && resident.username.is_none()),
            }
        } else if self.number % 15 == 7 {
            of(&|resident| resident.username == Some("committee"))
        } else {
            of(&|resident| community_of(resident.compound) == FLOWER_LAKE && resident.username.is_none())
        };
        found.ok_or_else(|| fault("requester", self.number))
    }

    /// When it was placed: what is alive in the last days, what is closed in the last months.
    fn placed_at(&self) -> Instant {
        let minute = 8 * 60 + whole(self.number * 37 % 320);
        let days = |days: usize, minute| days_before(self.now, whole(days), minute);
        let turn = self.turn;
        match self.story {
            Story::Placed => self.now - Duration::minutes(12 + whole(turn * 47)),
            Story::OpenToClaims => days(1 + turn % 2, 8 * 60 + whole(turn * 25)),
            Story::Merged => days(1 + turn % 2, 13 * 60 + whole(turn * 25)),
            Story::ToVolunteer | Story::ToTeam => days(1, minute),
            Story::Accepted | Story::InProgress => days(1 + turn % 3, minute),
            Story::OnHold => days(2 + turn % 2, minute),
            Story::Completed => days(1 + turn % 5, minute),
            Story::Confirmed => days(4 + turn * 2, minute),
            Story::Silent => days(12 + turn * 17, minute),
            Story::Cancelled => days(3 + turn * 13, minute),
            Story::Rejected => days(6 + turn * 21, minute),
        }
    }

    /// Time passed, a little different for each order.
    fn pass(&self, least: usize, spread: usize) -> Duration {
        Duration::minutes(whole(least + (self.number * 31 + least) % spread.max(1)))
    }

    fn matter(&self) -> (&'static str, &'static str, &'static str) {
        if self.is_about_lamp() {
            let words = turn(LAMPS, self.turn + usize::from(self.story == Story::Merged));
            return ("corridor_lamp", words, "floor=3");
        }
        turn(MATTERS, self.number * 7)
    }

    fn tell(&self, resident: &Resident) -> Result<Plan> {
        let (kind, description, answers) = self.matter();
        let placed = self.placed_at();
        let community = community_of(resident.compound);
        let worker = if community == FLOWER_LAKE { "worker2" } else { "worker" };
        let asker = resident.username.unwrap_or(worker);
        let private =
            !self.is_about_lamp() && (!self.number.is_multiple_of(3) || matches!(kind, "companionship" | "errands"));
        let new = NewOrder {
            id: id(&format!("order/{}", self.number)).into(),
            number: format!("360502-{}-{}", day_in_china(placed).format("%Y%m%d"), FIRST_NUMBER + self.number),
            region_code: region(community)?,
            kind: kind.to_owned(),
            description: description.to_owned(),
            site: Site::Compound {
                compound_id: compound_id(resident.compound),
                building_id: Some(id(&building_name(resident.compound, resident.building)).into()),
                unit_id: Some(id(&unit_name(resident.compound, resident.building, resident.unit)).into()),
                address: resident.person.address.clone(),
            },
            answers: answers_of(answers)?,
            wished_at: (self.number % 4 == 1).then(|| placed + Duration::hours(26)),
            private,
            requester: Requester {
                person_id: resident.person.id,
                name: resident.person.name.clone(),
                phone: resident.person.phone.clone(),
                has_account: resident.username.is_some(),
            },
            placed_by: super::user_id(asker),
            on_behalf: resident.username.is_none(),
            limits: kinds()?.into_iter().find(|known| known.code == kind).map(|known| known.limits).unwrap_or_default(),
        };
        let mut plan = Plan { new, steps: Vec::new() };
        plan.then(placed, asker, What::Place);
        self.go_on(&mut plan, worker, asker)?;
        Ok(plan)
    }

    /// What happens after it was placed.
    fn go_on(&self, plan: &mut Plan, worker: &'static str, asker: &'static str) -> Result<()> {
        let mut at = plan.steps.last().map_or(self.now, |step| step.at) + self.pass(8, 35);
        let note = (self.number % 4 == 2).then(|| turn(NOTES, self.number));
        let priority = match self.number % 9 {
            4 => Some(Priority::Urgent),
            7 => Some(Priority::Low),
            _ => None,
        };
        match self.story {
            Story::Placed => return Ok(()),
            Story::OpenToClaims => {
                plan.then(at, worker, What::Dispatch(Target::Open, note, priority));
                return Ok(());
            }
            Story::Merged => {
                let into = self.sooner.filter(|sooner| sooner.new.region_code == plan.new.region_code);
                into.ok_or_else(|| fault("merge", self.number))?;
                plan.then(at, worker, What::MergeInto(self.turn));
                return Ok(());
            }
            Story::Cancelled => {
                if self.turn % 2 == 1 {
                    let (_, target) = self.helper(plan, 0)?;
                    plan.then(at, worker, What::Dispatch(target, note, priority));
                    at += self.pass(10, 50);
                }
                plan.then(at, asker, What::Cancel(Some(turn(CANCELS, self.turn))));
                return Ok(());
            }
            Story::Rejected => {
                plan.then(at, worker, What::Reject(turn(REJECTS, self.turn)));
                return Ok(());
            }
            Story::ToTeam => {
                let team = team(self.turn).ok_or_else(|| fault("team", self.number))?;
                plan.then(at, worker, What::Dispatch(team, note, priority));
                return Ok(());
            }
            _ => {}
        }
        let holder = self.hand_out(plan, &mut at, worker, note, priority)?;
        if self.story == Story::ToVolunteer {
            return Ok(());
        }
        if self.story == Story::Accepted && self.turn.is_multiple_of(2) {
            return Ok(());
        }
        self.work(plan, &mut at, holder, worker, asker);
        Ok(())
    }

    /// The dispatch and its acceptance; who holds it then.
    fn hand_out(
        &self,
        plan: &mut Plan,
        at: &mut Instant,
        worker: &'static str,
        note: Option<&'static str>,
        priority: Option<Priority>,
    ) -> Result<&'static str> {
        let (holder, target) = self.helper(plan, 0)?;
        if self.story == Story::ToVolunteer {
            plan.then(*at, worker, What::Dispatch(target, note, priority));
            return Ok(holder);
        }
        if self.number % 13 == 5 {
            let (other, first) = self.helper(plan, 1)?;
            plan.then(*at, worker, What::Dispatch(first, note, None));
            *at += self.pass(5, 20);
            plan.then(*at, other, What::Decline(turn(DECLINES, self.number)));
            *at += self.pass(5, 15);
        }
        let at_park = plan.new.region_code.as_str() == PARK_NORTH;
        if self.number % 7 == 3 {
            plan.then(*at, worker, What::Dispatch(Target::Open, note, priority));
            *at += self.pass(6, 40);
            plan.then(*at, holder, What::Claim);
        } else if let Some(team) = HELPERS
            .iter()
            .find(|helper| at_park && self.number % 6 == 4 && helper.username == Some(holder))
            .and_then(team_of)
        {
            plan.then(*at, worker, What::Dispatch(team, note, priority));
            *at += self.pass(6, 40);
            plan.then(*at, holder, What::Accept);
        } else {
            plan.then(*at, worker, What::Dispatch(target, note, priority));
            *at += self.pass(4, 45);
            plan.then(*at, holder, What::Accept);
        }
        *at += self.pass(10, 40);
        Ok(holder)
    }

    /// The work, until it stands where the story leaves it.
    fn work(
        &self,
        plan: &mut Plan,
        at: &mut Instant,
        mut holder: &'static str,
        worker: &'static str,
        asker: &'static str,
    ) {
        if self.story == Story::Accepted {
            return;
        }
        if self.story == Story::Confirmed
            && self.number % 23 == 11
            && let Ok((other, target)) = self.helper(plan, 1)
        {
            plan.then(*at, worker, What::Transfer(target, "原接单人临时有事，换一位志愿者上门。"));
            *at += self.pass(5, 20);
            plan.then(*at, other, What::Accept);
            *at += self.pass(10, 30);
            holder = other;
        }
        if self.story == Story::OnHold && self.turn.is_multiple_of(2) {
            plan.then(*at, holder, What::Hold(turn(WAITS, self.turn), self.now + Duration::days(2)));
            return;
        }
        plan.then(*at, holder, What::Start);
        *at += self.pass(15, 60);
        match self.story {
            Story::InProgress => return,
            Story::OnHold => {
                plan.then(*at, holder, What::Hold(turn(WAITS, self.turn), self.now + Duration::days(3)));
                return;
            }
            Story::Confirmed if self.number % 11 == 4 => {
                plan.then(*at, holder, What::Hold(turn(WAITS, self.number), *at + Duration::hours(24)));
                *at += Duration::hours(20);
                plan.then(*at, holder, What::Resume);
                *at += self.pass(10, 40);
            }
            _ => {}
        }
        let outcome = match self.number % 29 {
            12 => Resolution::Partly,
            21 => Resolution::NotOurs,
            _ => Resolution::Solved,
        };
        let note = (self.number % 3 != 1).then(|| turn(DONE, self.number));
        plan.then(*at, holder, What::Complete(outcome, note));
        match self.story {
            Story::Silent => {
                *at += Duration::days(7) + Duration::minutes(3);
                plan.steps.push(Step { at: *at, by: None, what: What::ConfirmBySilence });
            }
            Story::Confirmed => {
                if self.number % 17 == 9 {
                    *at += self.pass(60, 300);
                    plan.then(*at, asker, What::Reopen("修好后又坏了，麻烦再来看一看。"));
                    for what in
                        [What::Accept, What::Start, What::Complete(Resolution::Solved, Some("重新检修，已恢复正常。"))]
                    {
                        *at += self.pass(20, 60);
                        plan.then(*at, holder, what);
                    }
                }
                *at += self.pass(45, 1200);
                let satisfaction = turn(&[5, 5, 4, 5, 5, 3, 5, 4, 5, 5, 5, 4, 2], self.number);
                let comment = (self.number % 3 == 2 && satisfaction > 3).then(|| turn(THANKS, self.number));
                let solved = outcome == Resolution::Solved && satisfaction > 2;
                plan.then(*at, asker, What::Confirm(solved, satisfaction, comment));
            }
            _ => {}
        }
    }

    /// A volunteer of the community who has an account and the skill, if there is one; `next` takes another one.
    fn helper(&self, plan: &Plan, next: usize) -> Result<(&'static str, Target)> {
        let kinds = kinds()?;
        let skills = kinds.iter().find(|kind| kind.code == plan.new.kind).map(|kind| kind.skills.clone());
        let skills = skills.unwrap_or_default();
        let here = HELPERS.iter().filter(|helper| helper.area == plan.new.region_code.as_str());
        let (able, others): (Vec<(&'static str, &Helper)>, Vec<_>) = here
            .filter_map(|helper| helper.username.map(|username| (username, helper)))
            .partition(|(_, helper)| helper.skills.iter().any(|skill| skills.iter().any(|needed| needed == skill)));
        let first = self.number % able.len().max(1);
        let candidates: Vec<_> = able.into_iter().chain(others).collect();
        let index = (first + next) % candidates.len().max(1);
        let (username, helper) = candidates.get(index).copied().ok_or_else(|| fault("volunteer", self.number))?;
        let assignee = Assignee { volunteer_id: helper.id(), display_name: helper.name.to_owned() };
        Ok((username, Target::Volunteer(assignee)))
    }
}

fn team_of(helper: &Helper) -> Option<Target> {
    helper.team().map(|(id, name)| Target::Team(Team { id, name: name.to_owned() }))
}

fn team(turn: usize) -> Option<Target> {
    let teams = HELPERS.iter().filter_map(team_of);
    teams.cycle().nth(turn)
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or_default()
}

/// Reads answers as the table of matters writes them.
fn answers_of(text: &str) -> Result<Answers> {
    let answer = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or_else(|| fault("answers", pair))?;
        let answer = match (key, value) {
            ("sorts", several) => Answer::Choices(several.split(',').map(str::to_owned).collect()),
            ("count" | "floor", number) => Answer::Number(number.parse().map_err(|_| fault("answers", pair))?),
            (_, "yes") => Answer::Boolean(true),
            (_, "no") => Answer::Boolean(false),
            (_, words) => Answer::Text(words.to_owned()),
        };
        Ok((key.to_owned(), answer))
    };
    text.split(';').filter(|pair| !pair.is_empty()).map(answer).collect()
}

/// Carries the plans out, step by step in the order of time. Steps that were saved before are left out.
pub(super) async fn load(database: &Database, plans: Vec<Plan>, progress: &dyn Fn(usize)) -> Result<()> {
    let days = database.rows().calendar_days().all().await?;
    let mut lives = Lives { orders: HashMap::new(), actors: HashMap::new(), days };
    lives.find(database, &plans).await?;
    let mut steps: Vec<(usize, usize, &Step)> = plans
        .iter()
        .enumerate()
        .flat_map(|(plan, Plan { steps, .. })| steps.iter().enumerate().map(move |(index, step)| (plan, index, step)))
        .collect();
    steps.sort_by_key(|(plan, index, step)| (step.at, *plan, *index));
    for (done, (number, index, step)) in steps.into_iter().enumerate() {
        let plan = plans.get(number).ok_or_else(|| fault("plan", number))?;
        if !lives.has(number, index) {
            let tx = database.begin_write(stamp(step.at, step.by.map(super::user_id))).await?;
            lives.take(&tx, number, plan, step).await?;
            tx.commit().await?;
        }
        progress(done + 1);
    }
    Ok(())
}

/// The orders as far as they have come, by the numbers of their plans.
struct Lives {
    orders: HashMap<usize, ServiceOrder>,
    actors: HashMap<&'static str, Actor>,
    days: Vec<CalendarDay>,
}

impl Lives {
    /// Finds what was saved before.
    async fn find(&mut self, database: &Database, plans: &[Plan]) -> Result<()> {
        let auditor = actor("auditor")?;
        let now = auditor.authenticated_at;
        let access = auditor.authorize(Action::Read, ResourceKind::ServiceOrder, now).map_err(|_| Error::Forbidden)?;
        for (number, plan) in plans.iter().enumerate() {
            let id: ServiceOrderId = plan.new.id;
            match database.rows().find::<ServiceOrder>(&access, &id).await {
                Ok(found) => {
                    self.orders.insert(number, found.row);
                }
                Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a step was saved before: each counts the version up by one.
    fn has(&self, number: usize, index: usize) -> bool {
        self.orders.get(&number).is_some_and(|order| usize::try_from(order.version).is_ok_and(|taken| index < taken))
    }

    /// Takes a step and saves it.
    async fn take(&mut self, tx: &Tx, number: usize, plan: &Plan, step: &Step) -> Result<()> {
        let calendar = Calendar::of(&self.days, &plan.new.region_code);
        if let What::Place = step.what {
            let placed = ServiceOrder::place(plan.new.clone(), step.at, &calendar);
            let order = tx.notes().insert_order(placed, digest(plan))?;
            self.orders.insert(number, order);
            return Ok(());
        }
        let order = self.orders.get(&number).cloned().ok_or_else(|| fault("order", number))?;
        let before = order.state.kind();
        if let What::MergeInto(into) = step.what {
            let other = self.orders.get(&into).cloned().ok_or_else(|| fault("order", into))?;
            let merged = order.merge(other, self.caller(step)?).map_err(|refusal| refused(plan, step, &refusal))?;
            let (order, other) = tx.save_merged(before, merged).await?;
            self.orders.insert(number, order);
            self.orders.insert(into, other);
            return Ok(());
        }
        let decided = if let What::ConfirmBySilence = step.what {
            order.confirm_by_silence(step.at).ok_or_else(|| fault("silence", &plan.new.number))?
        } else {
            decide(order, self.caller(step)?, &step.what, &calendar).map_err(|refusal| refused(plan, step, &refusal))?
        };
        let mut order = tx.save_order(before, decided).await?;
        order.joined_by_caller = false;
        self.orders.insert(number, order);
        Ok(())
    }

    fn caller(&mut self, step: &Step) -> Result<Caller<'_>> {
        let username = step.by.ok_or_else(|| fault("step", "system"))?;
        if !self.actors.contains_key(username) {
            self.actors.insert(username, actor(username)?);
        }
        let actor = self.actors.get(username).ok_or_else(|| fault("username", username))?;
        Ok(Caller { actor, actions: ActionSet::of(Action::ALL), now: step.at })
    }
}

fn decide(
    order: ServiceOrder,
    by: Caller<'_>,
    what: &What,
    calendar: &Calendar,
) -> std::result::Result<Decided, Refusal> {
    let owned = |text: &Option<&'static str>| text.map(str::to_owned);
    match what {
        What::Dispatch(target, note, priority) => order.dispatch(by, target.clone(), owned(note), *priority, calendar),
        What::Accept => order.accept(by),
        What::Claim => order.claim(by),
        What::Decline(reason) => order.decline(by, &[], (*reason).to_owned(), calendar),
        What::Start => order.start(by),
        What::Hold(reason, until) => order.hold(by, (*reason).to_owned(), *until, calendar),
        What::Resume => order.resume(by, calendar),
        What::Transfer(target, reason) => order.transfer(by, target.clone(), (*reason).to_owned(), calendar),
        What::Complete(outcome, note) => order.complete(by, Completion { outcome: *outcome, note: owned(note) }),
        What::Confirm(solved, satisfaction, comment) => order.confirm(by, *solved, *satisfaction, owned(comment)),
        What::Reopen(reason) => order.reopen(by, true, (*reason).to_owned(), calendar),
        What::Cancel(reason) => order.cancel(by, owned(reason)),
        What::Reject(reason) => order.reject(by, (*reason).to_owned()),
        What::Join => order.join(by),
        What::Place | What::ConfirmBySilence | What::MergeInto(_) => Err(Refusal::Forbidden),
    }
}

fn refused(plan: &Plan, step: &Step, refusal: &Refusal) -> Error {
    fault("step", format!("{} {:?}: {refusal}", plan.new.number, step.what))
}

fn digest(plan: &Plan) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, plan.new.number.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_any_hour_every_step_is_past_and_follows_the_one_before() {
        let midnight: Instant = "2026-03-12T16:00:00Z".parse().unwrap();
        for quarter in 0..96 {
            let now = midnight + Duration::minutes(15 * quarter);
            for Plan { new, steps } in plans(now).unwrap() {
                assert!(steps.is_sorted_by(|one, next| one.at < next.at), "{}", new.number);
                assert!(steps.iter().all(|step| step.at < now - Duration::minutes(5)), "{}", new.number);
            }
        }
    }

    #[test]
    fn ids_and_words_are_the_same_at_every_loading() {
        let at = |now: &str| plans(now.parse().unwrap()).unwrap();
        let told = |plans: Vec<Plan>| -> Vec<_> {
            plans.into_iter().map(|plan| (plan.new.id, plan.new.description, plan.steps.len())).collect()
        };
        assert_eq!(told(at("2026-03-12T16:00:00Z")), told(at("2027-08-01T09:30:00Z")));
    }
}
