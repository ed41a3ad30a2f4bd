//! Gathers decoded cells into Arrow arrays and batches. A cell that does not decode becomes NULL and is counted.

use std::sync::Arc;

use airlock_core::snapshot::source::SourceError;
use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder,
    Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder,
    ListArray, NullBufferBuilder, StringViewBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
    UInt32Builder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::decode;
use super::numeric;
use super::types::Decoder;
use crate::source::{BATCH_BYTES_MAX, BATCH_ROWS_MAX};

/// One batch in the making.
#[derive(Debug)]
pub(super) struct BatchCells {
    schema: SchemaRef,
    columns: Vec<Cells>,
    rows: usize,
    bytes: usize,
    failed: u64,
}

impl BatchCells {
    /// An empty batch of columns with these names and decoders.
    pub(super) fn new(columns: &[(String, Decoder)]) -> Self {
        // Raw columns are nullable whatever the source says: a cell that does not decode becomes NULL.
        let fields: Vec<Field> = columns.iter().map(|(name, d)| Field::new(name, d.arrow(), true)).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns: columns.iter().map(|(_, decoder)| Cells::new(decoder)).collect(),
            rows: 0,
            bytes: 0,
            failed: 0,
        }
    }

    /// How many columns a row has.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Adds one cell to a column. Each row gives each column one.
    pub(super) fn push(&mut self, column: usize, cell: Option<&[u8]>) {
        self.bytes += cell.map_or(0, <[u8]>::len);
        self.failed += self.columns[column].push(cell);
    }

    /// Ends a row. True when the batch is full.
    pub(super) fn end_row(&mut self) -> bool {
        self.rows += 1;
        self.rows >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    /// Whether no row was added since the last batch.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Cells that did not decode since this was last asked.
    pub(super) fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.failed)
    }

    /// The batch; the next one begins.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, SourceError> {
        (self.rows, self.bytes) = (0, 0);
        let arrays = self.columns.iter_mut().map(Cells::finish).collect();
        // The arrays are of the schema's types by construction; their lengths are the server's word.
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|_| SourceError::Failed("an uneven batch".to_owned()))
    }
}

/// One column in the making.
#[derive(Debug)]
enum Cells {
    Bool(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Oid(UInt32Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Text(StringViewBuilder, Decoder),
    Bytes(BinaryViewBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<ListCells>),
}

/// Lists in the making: what they hold, where each ends, which are NULL.
#[derive(Debug)]
struct ListCells {
    values: Cells,
    field: Arc<Field>,
    element: u32,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Cells {
    fn new(decoder: &Decoder) -> Self {
        match decoder {
            Decoder::Bool => Self::Bool(BooleanBuilder::new()),
            Decoder::Int16 => Self::Int16(Int16Builder::new()),
            Decoder::Int32 => Self::Int32(Int32Builder::new()),
            Decoder::Int64 => Self::Int64(Int64Builder::new()),
            Decoder::Oid => Self::Oid(UInt32Builder::new()),
            Decoder::Float32 => Self::Float32(Float32Builder::new()),
            Decoder::Float64 => Self::Float64(Float64Builder::new()),
            Decoder::Decimal128(precision, scale) => {
                Self::Decimal128(Decimal128Builder::new().with_data_type(decoder.arrow()), *precision, *scale)
            }
            Decoder::Decimal256(precision, scale) => {
                Self::Decimal256(Decimal256Builder::new().with_data_type(decoder.arrow()), *precision, *scale)
            }
            Decoder::Bytes => Self::Bytes(BinaryViewBuilder::new()),
            Decoder::Date => Self::Date(Date32Builder::new()),
            Decoder::Time => Self::Time(Time64MicrosecondBuilder::new()),
            Decoder::Timestamp | Decoder::TimestampTz => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(decoder.arrow()))
            }
            Decoder::Interval => Self::Interval(IntervalMonthDayNanoBuilder::new()),
            Decoder::List(element, oid) => Self::List(Box::new(ListCells {
                values: Self::new(element),
                field: Arc::new(Field::new_list_field(element.arrow(), true)),
                element: *oid,
                ends: vec![0],
                nulls: NullBufferBuilder::new(0),
            })),
            Decoder::NumericText
            | Decoder::Text
            | Decoder::PaddedText
            | Decoder::Jsonb
            | Decoder::Uuid
            | Decoder::TimeTz
            | Decoder::Inet
            | Decoder::Cidr
            | Decoder::MacAddr
            | Decoder::Bits => Self::Text(StringViewBuilder::new(), decoder.clone()),
        }
    }

    /// Adds a cell; gives how many values (the cell's, or those of its elements) did not decode.
    fn push(&mut self, cell: Option<&[u8]>) -> u64 {
        /// Decodes and appends; true when there was a cell and no value.
        macro_rules! append {
            ($builder:expr, $decode:expr) => {{
                let value = cell.and_then($decode);
                let failed = cell.is_some() && value.is_none();
                $builder.append_option(value);
                u64::from(failed)
            }};
        }
        match self {
            Self::Bool(b) => append!(b, decode::boolean),
            Self::Int16(b) => append!(b, |c| decode::fixed(c).map(i16::from_be_bytes)),
            Self::Int32(b) => append!(b, |c| decode::fixed(c).map(i32::from_be_bytes)),
            Self::Int64(b) => append!(b, |c| decode::fixed(c).map(i64::from_be_bytes)),
            Self::Oid(b) => append!(b, |c| decode::fixed(c).map(u32::from_be_bytes)),
            Self::Float32(b) => append!(b, |c| decode::fixed(c).map(f32::from_be_bytes)),
            Self::Float64(b) => append!(b, |c| decode::fixed(c).map(f64::from_be_bytes)),
            Self::Decimal128(b, precision, scale) => append!(b, |c| numeric::decimal(c, *precision, *scale)),
            Self::Decimal256(b, precision, scale) => append!(b, |c| numeric::decimal(c, *precision, *scale)),
            Self::Bytes(b) => append!(b, Some),
            Self::Date(b) => append!(b, decode::date),
            Self::Time(b) => append!(b, decode::time),
            Self::Timestamp(b) => append!(b, decode::timestamp),
            Self::Interval(b) => append!(b, decode::interval),
            Self::Text(b, decoder) => match decoder {
                Decoder::PaddedText => append!(b, |c| decode::text(c).map(|t| t.trim_end_matches(' '))),
                Decoder::Jsonb => append!(b, decode::jsonb),
                Decoder::NumericText => append!(b, numeric::text),
                Decoder::Uuid => append!(b, decode::uuid),
                Decoder::TimeTz => append!(b, decode::timetz),
                Decoder::Inet => append!(b, |c| decode::inet(c, false)),
                Decoder::Cidr => append!(b, |c| decode::inet(c, true)),
                Decoder::MacAddr => append!(b, decode::macaddr),
                Decoder::Bits => append!(b, decode::bits),
                _ => append!(b, decode::text),
            },
            Self::List(list) => list.push(cell),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Int16(b) => Arc::new(b.finish()),
            Self::Int32(b) => Arc::new(b.finish()),
            Self::Int64(b) => Arc::new(b.finish()),
            Self::Oid(b) => Arc::new(b.finish()),
            Self::Float32(b) => Arc::new(b.finish()),
            Self::Float64(b) => Arc::new(b.finish()),
            Self::Decimal128(b, ..) => Arc::new(b.finish()),
            Self::Decimal256(b, ..) => Arc::new(b.finish()),
            Self::Text(b, _) => Arc::new(b.finish()),
            Self::Bytes(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Time(b) => Arc::new(b.finish()),
            Self::Timestamp(b) => Arc::new(b.finish()),
            Self::Interval(b) => Arc::new(b.finish()),
            Self::List(list) => Arc::new(list.finish()),
        }
    }
}

impl ListCells {
    fn push(&mut self, cell: Option<&[u8]>) -> u64 {
        let elements = cell.and_then(|c| decode::array(c, self.element));
        let last = self.ends.last().copied().unwrap_or(0);
        // A batch ends after a few MiB, so the count of elements stays far below i32.
        let end = elements.as_ref().and_then(|e| last.checked_add(i32::try_from(e.len()).ok()?));
        let (Some(elements), Some(end)) = (elements, end) else {
            self.ends.push(last);
            self.nulls.append_null();
            return u64::from(cell.is_some());
        };
        self.ends.push(end);
        self.nulls.append_non_null();
        elements.into_iter().map(|element| self.values.push(element)).sum()
    }

    fn finish(&mut self) -> ListArray {
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        ListArray::new(self.field.clone(), offsets, self.values.finish(), self.nulls.finish())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch(decoder: Decoder, cells: &[Option<&[u8]>]) -> (RecordBatch, u64) {
        let mut batch = BatchCells::new(&[("c".to_owned(), decoder)]);
        for cell in cells {
            batch.push(0, *cell);
            batch.end_row();
        }
        let failed = batch.take_failed();
        (batch.finish().unwrap(), failed)
    }

    #[test]
    fn what_does_not_decode_is_null_and_counted() {
        let (batch, failed) =
            batch(Decoder::Int32, &[Some(&7_i32.to_be_bytes()), None, Some(&[1, 2]), Some(b"")]);
        assert_eq!(failed, 2);
        assert_eq!(
            batch.column(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(),
            [Some(7), None, None, None]
        );
    }

    #[test]
    fn an_element_that_does_not_decode_leaves_its_list() {
        let words: Vec<u8> = [1, 1, 25, 3, 1, 1].iter().flat_map(|w: &i32| w.to_be_bytes()).collect();
        let cell = [&words[..], b"a", &1_i32.to_be_bytes(), &[0xff], &(-1_i32).to_be_bytes()].concat();
        let list = Decoder::List(Box::new(Decoder::Text), 25);
        let (batch, failed) = batch(list, &[Some(&cell), Some(&[0; 3]), None]);
        assert_eq!(failed, 2);
        let lists = batch.column(0).as_list::<i32>();
        assert_eq!(lists.value(0).as_string_view().iter().collect::<Vec<_>>(), [Some("a"), None, None]);
        assert!(lists.is_null(1) && lists.is_null(2));
    }

    #[test]
    fn a_batch_ends_at_its_rows_or_bytes_and_the_next_begins_empty() {
        let mut batch = BatchCells::new(&[("c".to_owned(), Decoder::Text)]);
        batch.push(0, Some(&vec![b'a'; BATCH_BYTES_MAX]));
        assert!(batch.end_row());
        assert_eq!(batch.finish().unwrap().num_rows(), 1);
        assert!(batch.is_empty());
        for row in 1..=BATCH_ROWS_MAX {
            batch.push(0, None);
            assert_eq!(batch.end_row(), row == BATCH_ROWS_MAX);
        }
        assert_eq!(batch.finish().unwrap().num_rows(), BATCH_ROWS_MAX);
    }
}
