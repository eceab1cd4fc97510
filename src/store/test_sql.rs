//! SQL for tests that every engine understands.

/// A query that gives the numbers from 1 on, so many, as `i`, in the SQL of every engine. At most 10,000.
pub fn numbers(count: usize) -> String {
    let digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL \
                  SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    format!(
        "SELECT i FROM (SELECT k.d * 1000 + h.d * 100 + t.d * 10 + o.d + 1 AS i \
         FROM {digits} AS k, {digits} AS h, {digits} AS t, {digits} AS o) AS n WHERE i <= {count}"
    )
}
