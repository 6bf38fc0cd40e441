//! Positions and outlines on the ground, as GeoJSON (RFC 7946) writes them: degrees of WGS 84, east before north. CGCS2000
//! (GB/T 18522), in which the country is surveyed, is treated as equal: the two differ by less than a decimeter.

use geo::{Area as _, Contains as _, Coord, LineString, Polygon, Validation as _};
use serde::{Deserialize, Serialize};

use crate::access::words;

words! {
    /// In which system a position is given.
    CoordinateSystem {
        /// China Geodetic Coordinate System 2000
        Cgcs2000 = "cgcs2000",
        /// World Geodetic System 1984
        Wgs84 = "wgs84",
        /// What maps on telephones in the country show: shifted by up to 700 m.
        Gcj02 = "gcj02",
    }
}

/// A position, in millionths of a degree: a decimeter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// East of Greenwich.
    pub longitude: i32,
    /// North of the equator.
    pub latitude: i32,
}

/// Why something is no outline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutlineError {
    /// A ring is not closed, has no area, crosses itself or another one, or a hole lies outside.
    #[error("the rings do not make an area")]
    Invalid,
    /// A position lies outside the country.
    #[error("a position lies outside the country")]
    Elsewhere,
}

impl OutlineError {
    /// The code of the public catalog.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "not-an-area",
            Self::Elsewhere => "implausible",
        }
    }
}

/// The most positions that an outline has, all rings together.
pub const MOST_POSITIONS: usize = 1000;

/// An area on the ground: one outer ring, and holes in it. Each ring ends where it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outline(Vec<Vec<Position>>);

/// In millionths of a degree: the rectangle in which the country lies.
const COUNTRY: (std::ops::Range<i32>, std::ops::Range<i32>) = (72_004_000..137_834_700, 829_300..55_827_100);

const MILLION: f64 = 1_000_000.0;

impl Position {
    /// A position of degrees, rounded to millionths; `None` outside the country.
    #[must_use]
    pub fn of(longitude: f64, latitude: f64, system: CoordinateSystem) -> Option<Self> {
        let given = Self::round(longitude, latitude).filter(|position| position.is_in_country())?;
        match system {
            CoordinateSystem::Cgcs2000 | CoordinateSystem::Wgs84 => Some(given),
            CoordinateSystem::Gcj02 => {
                let (longitude, latitude) = from_gcj02(longitude, latitude);
                Self::round(longitude, latitude)
            }
        }
    }

    /// Degrees: east, then north.
    #[must_use]
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.longitude) / MILLION, f64::from(self.latitude) / MILLION)
    }

    #[expect(clippy::cast_possible_truncation, reason = "held to the range of degrees before")]
    fn round(longitude: f64, latitude: f64) -> Option<Self> {
        let is_on_earth = longitude.abs() <= 180.0 && latitude.abs() <= 90.0;
        let millionths = |degrees: f64| (degrees * MILLION).round() as i32;
        is_on_earth.then(|| Self { longitude: millionths(longitude), latitude: millionths(latitude) })
    }

    fn is_in_country(self) -> bool {
        COUNTRY.0.contains(&self.longitude) && COUNTRY.1.contains(&self.latitude)
    }

    fn coordinate(self) -> Coord<f64> {
        let (x, y) = self.degrees();
        Coord { x, y }
    }
}

impl Outline {
    /// An area by its rings, the outer one first.
    ///
    /// # Errors
    /// [`OutlineError`]
    pub fn of(rings: Vec<Vec<Position>>) -> Result<Self, OutlineError> {
        let is_closed = |ring: &Vec<Position>| ring.len() >= 4 && ring.first() == ring.last();
        if rings.is_empty() || !rings.iter().all(is_closed) {
            return Err(OutlineError::Invalid);
        }
        if !rings.iter().flatten().all(|position| position.is_in_country()) {
            return Err(OutlineError::Elsewhere);
        }
        let outline = Self(rings);
        let polygon = outline.polygon();
        // a ring that goes there and back is well formed, and nothing lies in it
        let is_area = polygon.is_valid() && polygon.unsigned_area() > 0.0;
        if is_area { Ok(outline) } else { Err(OutlineError::Invalid) }
    }

    /// Its rings, the outer one first.
    #[must_use]
    pub fn rings(&self) -> &[Vec<Position>] {
        &self.0
    }

    /// Whether a position lies within it, its border aside.
    #[must_use]
    pub fn contains(&self, position: Position) -> bool {
        self.polygon().contains(&geo::Point(position.coordinate()))
    }

    fn polygon(&self) -> Polygon<f64> {
        let mut rings = self.0.iter().map(|ring| ring.iter().map(|position| position.coordinate()).collect());
        let outer = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
        Polygon::new(outer, rings.collect())
    }
}

/// Semi-major axis in meters and squared eccentricity of the ellipsoid of Krassovsky, by which the shift is defined.
const KRASSOVSKY: (f64, f64) = (6_378_245.0, 0.006_693_421_622_965_943);

/// How far maps on telephones show a place from where it is, in degrees.
fn shift(longitude: f64, latitude: f64) -> (f64, f64) {
    use std::f64::consts::PI;
    let (x, y) = (longitude - 105.0, latitude - 35.0);
    let wave = |value: f64, turns: f64| (value * turns * PI).sin();
    let short = 20.0 * wave(x, 6.0) + 20.0 * wave(x, 2.0);
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + (short + 20.0 * wave(y, 1.0) + 40.0 * wave(y, 1.0 / 3.0)) * 2.0 / 3.0
        + (160.0 * wave(y, 1.0 / 12.0) + 320.0 * wave(y, 1.0 / 30.0)) * 2.0 / 3.0;
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + (short + 20.0 * wave(x, 1.0) + 40.0 * wave(x, 1.0 / 3.0)) * 2.0 / 3.0
        + (150.0 * wave(x, 1.0 / 12.0) + 300.0 * wave(x, 1.0 / 30.0)) * 2.0 / 3.0;
    let (axis, eccentricity) = KRASSOVSKY;
    let radians = latitude.to_radians();
    let flat = 1.0 - eccentricity * radians.sin().powi(2);
    let meridian = axis * (1.0 - eccentricity) / (flat * flat.sqrt());
    let parallel = axis / flat.sqrt() * radians.cos();
    ((east / parallel).to_degrees(), (north / meridian).to_degrees())
}

/// Where a place is that is shown there, by coming nearer to it step by step.
fn from_gcj02(longitude: f64, latitude: f64) -> (f64, f64) {
    // each step leaves a thousandth of the fault
    (0..5).fold((longitude, latitude), |(x, y), _| {
        let (east, north) = shift(x, y);
        (longitude - east, latitude - north)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(longitude: f64, latitude: f64) -> Position {
        Position::of(longitude, latitude, CoordinateSystem::Cgcs2000).unwrap()
    }

    fn ring(corners: &[(f64, f64)]) -> Vec<Position> {
        corners.iter().map(|(x, y)| at(*x, *y)).collect()
    }

    fn square(x: f64, y: f64, side: f64) -> Vec<Position> {
        ring(&[(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)])
    }

    #[test]
    fn maps_on_telephones_are_shifted_back() {
        for ((north, east), (shown_north, shown_east)) in
            [((39.90105, 116.42079), (39.902_446, 116.427_022)), ((27.8043, 114.9331), (27.800_861, 114.937_967))]
        {
            let found = Position::of(shown_east, shown_north, CoordinateSystem::Gcj02).unwrap();
            let (longitude, latitude) = found.degrees();
            assert!((longitude - east).abs() < 2e-6 && (latitude - north).abs() < 2e-6, "{found:?}");
        }
    }

    #[test]
    fn positions_lie_in_the_country() {
        assert_eq!(at(114.933_100_4, 27.8043), Position { longitude: 114_933_100, latitude: 27_804_300 });
        for (longitude, latitude) in [(27.8, 114.9), (0.0, 0.0), (114.9, 60.0), (f64::NAN, 27.8), (f64::INFINITY, 27.8)]
        {
            assert_eq!(Position::of(longitude, latitude, CoordinateSystem::Wgs84), None);
        }
    }

    #[test]
    fn an_outline_is_an_area() {
        let outline = Outline::of(vec![square(114.9, 27.8, 0.01), square(114.903, 27.803, 0.002)]).unwrap();
        assert!(outline.contains(at(114.901, 27.801)));
        assert!(!outline.contains(at(114.904, 27.804)), "in the hole");
        assert!(!outline.contains(at(114.92, 27.8)));
        let open = square(114.9, 27.8, 0.01).into_iter().take(4).collect();
        let bow = ring(&[(114.9, 27.8), (114.91, 27.81), (114.91, 27.8), (114.9, 27.81), (114.9, 27.8)]);
        let flat = ring(&[(114.9, 27.8), (114.91, 27.8), (114.92, 27.8), (114.9, 27.8)]);
        let outside = vec![square(114.9, 27.8, 0.01), square(115.0, 27.8, 0.01)];
        for wrong in [Vec::new(), vec![open], vec![bow], vec![flat], vec![Vec::new()], outside] {
            assert_eq!(Outline::of(wrong), Err(OutlineError::Invalid));
        }
        let elsewhere = Position { longitude: 0, latitude: 0 };
        let far = vec![vec![elsewhere, at(114.9, 27.8), at(114.91, 27.8), elsewhere]];
        assert_eq!(Outline::of(far), Err(OutlineError::Elsewhere));
    }

    proptest! {
        #[test]
        fn any_rings_are_judged(rings in prop::collection::vec(
            prop::collection::vec((114_000_000..114_000_020, 27_000_000..27_000_020), 0..8), 0..3,
        )) {
            let rings = rings.into_iter().map(|ring| {
                let mut ring: Vec<_> = ring.into_iter().map(|(longitude, latitude)| Position { longitude, latitude }).collect();
                ring.extend(ring.first().copied());
                ring
            });
            if let Ok(outline) = Outline::of(rings.collect()) {
                prop_assert!(!outline.contains(at(115.0, 27.0)));
            }
        }
    }
}
