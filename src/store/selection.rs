//! Which credentials a list has, and in which order.

use super::Store;
use super::engine::Bind;
use super::last_use;
use crate::error::Result;

/// What a list can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortField {
    /// `id`.
    Id,
    /// `name`.
    Name,
    /// `description`.
    Description,
    /// `grant_types`.
    GrantType,
    /// `identifier`.
    Identifier,
    /// `service_id`.
    ServiceId,
    /// `created_at`.
    CreatedAt,
    /// `updated_at`.
    UpdatedAt,
    /// When it last verified. Those that never have come first.
    LastUsedAt,
}

impl SortField {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "c.id",
            Self::Name => "c.name COLLATE BINARY",
            Self::Description => "c.description COLLATE BINARY",
            Self::GrantType => "c.grant_types COLLATE BINARY",
            Self::Identifier => "c.identifier COLLATE BINARY",
            Self::ServiceId => "c.service_id",
            Self::CreatedAt => "c.created_at",
            Self::UpdatedAt => "c.updated_at",
            Self::LastUsedAt => "u.used_at",
        }
    }
}

/// Which credentials a list has, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Only these.
    pub filter: Filter,
    /// Sorted by this, then by id.
    pub sort_field: SortField,
    /// From the greatest to the least.
    pub descending: bool,
    /// Only those that come after this id: in the order of ids only.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: Option<i64>,
    /// Without the first so many, each of which the database walks over.
    pub offset: i64,
}

/// What credentials must have to be in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// This grant type.
    pub grant_type: Option<&'static str>,
    /// This identifier, byte for byte.
    pub identifier: Option<String>,
    /// This service.
    pub service_id: Option<i64>,
    /// This text in the name or the description, whatever the case of its ASCII letters is.
    pub search: Option<String>,
    /// Not used since this time, nor made.
    pub unused_since: Option<String>,
}

impl Filter {
    /// Adds its conditions, and what they are given.
    fn add_to<'a>(&'a self, conditions: &mut Vec<String>, values: &mut Vec<Bind<'a>>, pattern: &'a str) {
        let mut add = |value, condition: &dyn Fn(usize) -> String| {
            values.push(value);
            conditions.push(condition(values.len()));
        };
        if let Some(grant_type) = self.grant_type {
            add(Bind::Text(grant_type), &|at| format!("c.grant_types = ?{at} COLLATE BINARY"));
        }
        if let Some(identifier) = &self.identifier {
            add(Bind::Text(identifier), &|at| format!("c.identifier = ?{at} COLLATE BINARY"));
        }
        if let Some(service) = self.service_id {
            add(Bind::Int(service), &|at| format!("c.service_id = ?{at}"));
        }
        if self.search.is_some() {
            let like = |at| format!("(c.name LIKE ?{at} ESCAPE '!' OR c.description LIKE ?{at} ESCAPE '!')");
            add(Bind::Text(pattern), &like);
        }
        if let Some(time) = &self.unused_since {
            add(Bind::Text(time), &|at| format!("coalesce(u.used_at, c.created_at) < ?{at}"));
        }
    }

    /// The pattern of what is searched.
    fn pattern(&self) -> String {
        let text = self.search.as_deref().unwrap_or_default();
        format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
    }
}

/// Where credentials are looked for, with the times of their last uses if those matter.
fn from(conditions: &[String], uses: bool) -> String {
    let joined = if uses { last_use::JOIN } else { "" };
    let filtered = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    format!("FROM tbloauthserver_clients c {joined} {filtered}")
}

impl Store {
    /// The ids of a selection, in its order.
    pub fn ids(&self, selection: &Selection) -> Result<Vec<i64>> {
        let uses = selection.sort_field == SortField::LastUsedAt || selection.filter.unused_since.is_some();
        let (column, order) = (selection.sort_field.column(), if selection.descending { "DESC" } else { "ASC" });
        let pattern = selection.filter.pattern();
        let mut values = vec![Bind::Int(selection.limit.unwrap_or(i64::MAX)), Bind::Int(selection.offset)];
        let mut conditions = Vec::new();
        selection.filter.add_to(&mut conditions, &mut values, &pattern);
        if let Some(after) = selection.after {
            values.push(Bind::Int(after));
            conditions.push(format!("c.id {} ?{}", if selection.descending { "<" } else { ">" }, values.len()));
        }
        let sql = format!(
            "SELECT c.id {} ORDER BY {column} {order}, c.id {order} LIMIT ?1 OFFSET ?2",
            from(&conditions, uses)
        );
        self.engine.rows(&sql, &values, |row| row.int(0))
    }

    /// How many credentials a filter leaves.
    pub fn count_filtered(&self, filter: &Filter) -> Result<i64> {
        let pattern = filter.pattern();
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        filter.add_to(&mut conditions, &mut values, &pattern);
        let sql = format!("SELECT count(*) {}", from(&conditions, filter.unused_since.is_some()));
        Ok(self.engine.row(&sql, &values, |row| row.int(0))?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Details;
    use super::super::Missing;
    use super::*;
    use crate::place::Place;
    use crate::settings::Settings;

    fn selection(descending: bool, limit: Option<i64>, offset: i64) -> Selection {
        Selection { filter: Filter::default(), sort_field: SortField::Id, descending, after: None, limit, offset }
    }

    fn insert(store: &Store, number: i64) -> i64 {
        let details = Details::default();
        store.id(store.insert_credential(&number.to_string(), "", &details, "").unwrap()).unwrap()
    }

    #[test]
    fn a_list_that_skips_many_begins_at_the_right_one_whatever_was_deleted() {
        let mut store = Store::open(&Place::Memory, &Settings::default(), Missing::Made).unwrap();
        let changes = [
            "DELETE FROM tbloauthserver_clients WHERE id BETWEEN 99 AND 201",
            "DELETE FROM tbloauthserver_clients WHERE id % 5 = 0",
            "DELETE FROM tbloauthserver_clients WHERE id < 30",
            "UPDATE tbloauthserver_clients SET id = 9050 WHERE id = 31",
        ];
        for change in changes {
            store
                .write(|store| {
                    let first =
                        store
                            .engine
                            .row("SELECT coalesce(max(id), 0) FROM tbloauthserver_clients", &[], |row| row.int(0))?;
                    for i in 1..260 {
                        insert(store, first.unwrap_or(0) + i);
                    }
                    store.engine.execute(change, &[])
                })
                .unwrap();
            let all = store.ids(&selection(false, None, 0)).unwrap();
            let back: Vec<i64> = all.iter().rev().copied().collect();
            for offset in [1, 2, 98, 150, all.len() - 1, all.len(), all.len() + 1] {
                for limit in [1, 10, all.len()] {
                    let part = |ids: &[i64]| ids.iter().skip(offset).take(limit).copied().collect::<Vec<_>>();
                    let (limit, offset) = (i64::try_from(limit).unwrap(), i64::try_from(offset).unwrap());
                    assert_eq!(store.ids(&selection(false, Some(limit), offset)).unwrap(), part(&all), "{change}");
                    assert_eq!(store.ids(&selection(true, Some(limit), offset)).unwrap(), part(&back), "{change}");
                }
            }
        }
    }
}
