//! Places on the ground as GeoJSON (RFC 7946).

use domain::{
    geo::{CoordinateSystem, MOST_POSITIONS, Outline, Position},
    refusal::FieldError,
};
use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use super::WordOf;

/// In which system positions are given; WGS 84 if it is not said.
pub type CoordinateSystemIo = WordOf<CoordinateSystem>;

/// Degrees east, then degrees north.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DegreesIo((f64, f64));

impl PartialSchema for DegreesIo {
    fn schema() -> RefOr<Schema> {
        let degrees = ObjectBuilder::new()
            .schema_type(Type::Number)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
            .minimum(Some(-180))
            .maximum(Some(180));
        ArrayBuilder::new().items(degrees).min_items(Some(2)).max_items(Some(2)).into()
    }
}

impl ToSchema for DegreesIo {
    fn name() -> std::borrow::Cow<'static, str> {
        "Degrees".into()
    }
}

/// A closed line: it ends where it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = Ring, min_items = 4, max_items = 1000)]
pub struct RingIo(Vec<DegreesIo>);

/// What a point says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = GeoPointType)]
pub enum PointType {
    /// A point.
    Point,
}

/// What an area says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = GeoPolygonType)]
pub enum PolygonType {
    /// An area.
    Polygon,
}

/// A point (RFC 7946 §3.1.2): six decimal places, a decimeter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GeoPoint, example = json!({"type": "Point", "coordinates": [114.933_1, 27.804_3]}))]
pub struct PointIo {
    /// What it is.
    #[serde(rename = "type")]
    kind: PointType,
    /// Where it is.
    coordinates: DegreesIo,
}

/// An area (RFC 7946 §3.1.6): its outer ring, and holes in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GeoPolygon, example = json!({"type": "Polygon", "coordinates": [[[114.932, 27.803], [114.934, 27.803], [114.934, 27.805], [114.932, 27.805], [114.932, 27.803]]]}))]
pub struct PolygonIo {
    /// What it is.
    #[serde(rename = "type")]
    kind: PolygonType,
    /// Its rings, the outer one first; a thousand positions at most, all together.
    #[schema(min_items = 1, max_items = 100)]
    coordinates: Vec<RingIo>,
}

impl PointIo {
    /// The position that is meant.
    ///
    /// # Errors
    /// `implausible` where it lies outside the country.
    pub fn position(&self, system: CoordinateSystem, pointer: &str) -> Result<Position, FieldError> {
        position(self.coordinates, system, || format!("{pointer}/coordinates"))
    }
}

impl PolygonIo {
    /// The area that is meant.
    ///
    /// # Errors
    /// `too-many`, `implausible`, `not-an-area`
    pub fn outline(&self, system: CoordinateSystem, pointer: &str) -> Result<Outline, FieldError> {
        let here = || format!("{pointer}/coordinates");
        if self.coordinates.iter().map(|ring| ring.0.len()).sum::<usize>() > MOST_POSITIONS {
            return Err(FieldError::new(here(), "too-many"));
        }
        let ring = |(at, ring): (usize, &RingIo)| -> Result<Vec<Position>, FieldError> {
            let positions = ring.0.iter().enumerate();
            positions
                .map(|(number, degrees)| position(*degrees, system, || format!("{pointer}/coordinates/{at}/{number}")))
                .collect()
        };
        let rings = self.coordinates.iter().enumerate().map(ring).collect::<Result<_, _>>()?;
        Outline::of(rings).map_err(|error| FieldError::new(here(), error.code()))
    }
}

fn position(
    degrees: DegreesIo,
    system: CoordinateSystem,
    pointer: impl Fn() -> String,
) -> Result<Position, FieldError> {
    let (longitude, latitude) = degrees.0;
    Position::of(longitude, latitude, system).ok_or_else(|| FieldError::new(pointer(), "implausible"))
}

impl From<Position> for PointIo {
    fn from(position: Position) -> Self {
        Self { kind: PointType::Point, coordinates: DegreesIo(position.degrees()) }
    }
}

impl From<&Outline> for PolygonIo {
    fn from(outline: &Outline) -> Self {
        let ring = |ring: &Vec<Position>| RingIo(ring.iter().map(|position| DegreesIo(position.degrees())).collect());
        Self { kind: PolygonType::Polygon, coordinates: outline.rings().iter().map(ring).collect() }
    }
}
