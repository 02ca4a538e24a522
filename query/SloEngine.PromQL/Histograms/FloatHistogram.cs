namespace SloEngine.PromQL.Histograms;

/// <summary>
/// A native histogram sample with fractional counts, of exponential buckets or of buckets with custom bounds
/// (prometheus.io/docs/specs/native_histograms). Immutable: operations return new ones, so samples can be shared freely.
/// </summary>
public sealed record FloatHistogram
{
    /// <summary>Schema of histograms with custom bounds.</summary>
    public const int CustomSchema = -53;

    /// <summary>What is known about a counter reset before this histogram.</summary>
    public CounterResetHint Hint { get; init; }

    /// <summary>Resolution: each power of two has 2^Schema buckets; or <see cref="CustomSchema"/>.</summary>
    public int Schema { get; init; }

    /// <summary>Width of the zero bucket.</summary>
    public double ZeroThreshold { get; init; }

    /// <summary>Observations in the zero bucket.</summary>
    public double ZeroCount { get; init; }

    /// <summary>Observations.</summary>
    public double Count { get; init; }

    /// <summary>Sum of observations; holds the stale marker in a sample that marks staleness.</summary>
    public double Sum { get; init; }

    /// <summary>Buckets of positive observations; of all of them where bounds are custom.</summary>
    public BucketCounts Positive { get; init; } = BucketCounts.None;

    /// <summary>Buckets of negative observations, by their absolute bounds.</summary>
    public BucketCounts Negative { get; init; } = BucketCounts.None;

    /// <summary>Upper bounds where they are custom, ascending, without the infinite one.</summary>
    public double[] CustomBounds { get; init; } = [];

    /// <summary>Whether bounds are custom.</summary>
    public bool IsCustom => Schema == CustomSchema;

    /// <summary>Samples that it counts for, by the memory it takes in Prometheus: a float takes 16 bytes (promql/value.go, HPoint.size).</summary>
    internal int Weight => ReadWeight ?? ((8 + 168 + ((Positive.Room + Negative.Room + CustomBounds.Length) * 8)) / 16);

    /// <summary>Its count and sum alone, which weigh what the whole does: that is what has been read.</summary>
    internal FloatHistogram Statistics(CounterResetHint hint) => new() { Schema = Schema, Count = Count, Sum = Sum, Hint = hint, ReadWeight = Weight };

    /// <summary>The weight where it does not follow from the buckets.</summary>
    private int? ReadWeight { get; init; }

    /// <summary>Whether any part has overflown.</summary>
    internal bool HasOverflow => double.IsInfinity(ZeroCount) || double.IsInfinity(Count) || double.IsInfinity(Sum)
        || HasInfinity(Positive.Counts) || HasInfinity(Negative.Counts) || HasInfinity(CustomBounds);

    /// <summary>Scales all counts and the sum; the result of a negative factor is a gauge.</summary>
    public FloatHistogram Times(double factor) => this with
    {
        ZeroCount = ZeroCount * factor,
        Count = Count * factor,
        Sum = Sum * factor,
        Positive = Positive.Times(factor),
        Negative = Negative.Times(factor),
        Hint = factor < 0 ? CounterResetHint.Gauge : Hint,
    };

    /// <summary>Divides all counts and the sum; division by zero leaves no buckets.</summary>
    public FloatHistogram DividedBy(double divisor) => this with
    {
        ZeroCount = ZeroCount / divisor,
        Count = Count / divisor,
        Sum = Sum / divisor,
        Positive = divisor == 0 ? BucketCounts.None : Positive.DividedBy(divisor),
        Negative = divisor == 0 ? BucketCounts.None : Negative.DividedBy(divisor),
        Hint = divisor < 0 ? CounterResetHint.Gauge : Hint,
    };

    /// <summary>Without empty buckets.</summary>
    public FloatHistogram Compact()
    {
        BucketCounts positive = Positive.Compact();
        BucketCounts negative = Negative.Compact();
        return ReferenceEquals(positive, Positive) && ReferenceEquals(negative, Negative) ? this : this with { Positive = positive, Negative = negative };
    }

    /// <summary>The histogram in a lower resolution.</summary>
    internal FloatHistogram Reduce(int schema) => schema == Schema ? this : this with
    {
        Schema = schema,
        Positive = Positive.Reduce(Schema, schema),
        Negative = Negative.Reduce(Schema, schema),
        Hint = CounterResetHint.Unknown,
    };

    /// <summary>Whether layout and numbers are the same to the bit; hints do not count.</summary>
    public bool Matches(FloatHistogram other) =>
        Schema == other.Schema && Same(Count, other.Count) && Same(Sum, other.Sum)
        && (!IsCustom || CustomBounds.AsSpan().SequenceEqual(other.CustomBounds))
        && ZeroThreshold == other.ZeroThreshold && Same(ZeroCount, other.ZeroCount)
        && Negative.Matches(other.Negative) && Positive.Matches(other.Positive);

    /// <inheritdoc/>
    public override string ToString() => HistogramText.Describe(this);

    private static bool Same(double left, double right) => BitConverter.DoubleToInt64Bits(left) == BitConverter.DoubleToInt64Bits(right);

    private static bool HasInfinity(ReadOnlySpan<double> values) => values.ContainsAny(double.PositiveInfinity, double.NegativeInfinity);
}
