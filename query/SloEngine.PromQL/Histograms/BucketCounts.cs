using SloEngine.PromQL.Evaluation;

namespace SloEngine.PromQL.Histograms;

/// <summary>Counts of the buckets of one side of a histogram, by ascending bucket index. Immutable: the arrays are never written to again.</summary>
public sealed class BucketCounts
{
    /// <summary>No buckets.</summary>
    public static readonly BucketCounts None = new([], []);

    private readonly int[] _indexes;
    private readonly double[] _counts;

    private BucketCounts(int[] indexes, double[] counts) => (_indexes, _counts) = (indexes, counts);

    /// <summary>Indexes in the histogram's schema, ascending.</summary>
    public ReadOnlySpan<int> Indexes => _indexes;

    /// <summary>Observations a bucket.</summary>
    public ReadOnlySpan<double> Counts => _counts;

    /// <summary>Number of buckets, empty ones included.</summary>
    public int Length => _indexes.Length;

    /// <summary>
    /// Numbers of eight bytes that Prometheus keeps for them: one a bucket and one a span, where one or two missing buckets are filled up rather than
    /// ending a span (convertBucketsLayout of its OTLP translator, and client_golang).
    /// </summary>
    internal int Room
    {
        get
        {
            int room = Length + Math.Min(Length, 1);
            for (int position = 1; position < _indexes.Length; position++)
            {
                int missing = _indexes[position] - _indexes[position - 1] - 1;
                room += missing <= 2 ? missing : 1;
            }
            return room;
        }
    }

    /// <summary>Buckets by ascending index.</summary>
    public static BucketCounts Of(int[] indexes, double[] counts)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(counts.Length, indexes.Length);
        return indexes.Length == 0 ? None : new BucketCounts(indexes, counts);
    }

    /// <summary>Consecutive buckets from an index on.</summary>
    public static BucketCounts From(int first, double[] counts) => Of([.. Enumerable.Range(first, counts.Length)], counts);

    /// <summary>All counts times a factor.</summary>
    public BucketCounts Times(double factor) => Length == 0 ? this : new BucketCounts(_indexes, Array.ConvertAll(_counts, count => count * factor));

    /// <summary>All counts divided.</summary>
    public BucketCounts DividedBy(double divisor) => Length == 0 ? this : new BucketCounts(_indexes, Array.ConvertAll(_counts, count => count / divisor));

    /// <summary>The same indexes with other counts.</summary>
    internal BucketCounts With(double[] counts) => Length == 0 ? this : new BucketCounts(_indexes, counts);

    /// <summary>Without empty buckets.</summary>
    public BucketCounts Compact() => Array.IndexOf(_counts, 0) < 0 ? this : Where(position => _counts[position] != 0);

    /// <summary>The buckets at positions that satisfy a condition.</summary>
    internal BucketCounts Where(Predicate<int> keep)
    {
        int[] kept = [.. Enumerable.Range(0, Length).Where(position => keep(position))];
        return kept.Length == Length ? this : Of(Array.ConvertAll(kept, position => _indexes[position]), Array.ConvertAll(kept, position => _counts[position]));
    }

    /// <summary>Buckets of a lower resolution: each takes in 2^(from-to) of these.</summary>
    public BucketCounts Reduce(int fromSchema, int toSchema)
    {
        if (fromSchema == toSchema || Length == 0)
        {
            return this;
        }
        var indexes = new List<int>(Length);
        var counts = new List<double>(Length);
        for (int position = 0; position < Length; position++)
        {
            int index = ReducedIndex(_indexes[position], fromSchema, toSchema);
            if (indexes.Count > 0 && indexes[^1] == index)
            {
                counts[^1] += _counts[position];
            }
            else
            {
                indexes.Add(index);
                counts.Add(_counts[position]);
            }
        }
        return new BucketCounts([.. indexes], [.. counts]);
    }

    internal static int ReducedIndex(int index, int fromSchema, int toSchema) => ((index - 1) >> (fromSchema - toSchema)) + 1;

    /// <summary>Adds counts, or with a negative sign takes them away.</summary>
    internal static BucketCounts Add(BucketCounts left, BucketCounts right, double sign)
    {
        if (right.Length == 0)
        {
            return left;
        }
        if (left._indexes.AsSpan().SequenceEqual(right._indexes))
        {
            var sums = new double[left.Length];
            for (int position = 0; position < sums.Length; position++)
            {
                sums[position] = left._counts[position] + (sign * right._counts[position]);
            }
            return new BucketCounts(left._indexes, sums);
        }
        int[] indexes = [.. left._indexes.Union(right._indexes).Order()];
        return new BucketCounts(indexes, Array.ConvertAll(indexes, index => left.At(index) + (sign * right.At(index))));
    }

    /// <summary>Adds counts to sums; <paramref name="lost"/> holds what rounding lost so far.</summary>
    internal static (BucketCounts Sum, BucketCounts Lost) Accumulate(BucketCounts left, BucketCounts lost, BucketCounts right)
    {
        if (left._indexes.AsSpan().SequenceEqual(right._indexes) && left._indexes.AsSpan().SequenceEqual(lost._indexes))
        {
            var sums = new double[left.Length];
            var rests = new double[left.Length];
            for (int position = 0; position < sums.Length; position++)
            {
                (sums[position], rests[position]) = CompensatedSum.Add(right._counts[position], left._counts[position], lost._counts[position]);
            }
            return (left.With(sums), left.With(rests));
        }
        int[] indexes = [.. left._indexes.Union(right._indexes).Union(lost._indexes).Order()];
        var totals = new double[indexes.Length];
        var remainders = new double[indexes.Length];
        for (int position = 0; position < indexes.Length; position++)
        {
            (totals[position], remainders[position]) = CompensatedSum.Add(right.At(indexes[position]), left.At(indexes[position]), lost.At(indexes[position]));
        }
        return (Of(indexes, totals), Of(indexes, remainders));
    }

    /// <summary>Count of a bucket; 0 where there is none.</summary>
    public double At(int index)
    {
        int position = Array.BinarySearch(_indexes, index);
        return position < 0 ? 0 : _counts[position];
    }

    /// <summary>Whether indexes and counts are the same to the bit.</summary>
    public bool Matches(BucketCounts other)
    {
        if (!_indexes.AsSpan().SequenceEqual(other._indexes))
        {
            return false;
        }
        for (int position = 0; position < _counts.Length; position++)
        {
            if (BitConverter.DoubleToInt64Bits(_counts[position]) != BitConverter.DoubleToInt64Bits(other._counts[position]))
            {
                return false;
            }
        }
        return true;
    }
}
