using System.Globalization;
using SloEngine.PromQL.Syntax;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Evaluation;

/// <summary>The remarks that results may carry, in the words of Prometheus (util/annotations).</summary>
internal static class Remarks
{
    public static Annotation InvalidQuantile(double quantile, SourceRange range) =>
        Warning($"quantile value should be between 0 and 1, got {NumberText.General(quantile)}", range);

    public static Annotation InvalidRatio(double ratio, double capped, SourceRange range) =>
        Warning($"ratio value should be between -1 and 1, got {NumberText.General(ratio)}, capping to {NumberText.General(capped)}", range);

    public static Annotation BadBucketLabel(string metric, string label, SourceRange range) =>
        Warning($"bucket label \"le\" is missing or has a malformed value of {QuotedText.Quote(label)}{ForMetric(metric)}", range);

    public static Annotation MixedFloatsHistograms(string metric, SourceRange range) =>
        Warning($"encountered a mix of histograms and floats for metric name {QuotedText.Quote(metric)}", range);

    public static Annotation MixedInAggregation(SourceRange range) => Warning("encountered a mix of histograms and floats for aggregation", range);

    public static Annotation MixedClassicNative(string metric, SourceRange range) =>
        Warning($"vector contains a mix of classic and native histograms{ForMetric(metric)}", range);

    public static Annotation NotCounter(string metric, SourceRange range) =>
        Warning($"this native histogram metric is not a counter: {QuotedText.Quote(metric)}", range);

    public static Annotation NotGauge(string metric, SourceRange range) =>
        Warning($"this native histogram metric is not a gauge: {QuotedText.Quote(metric)}", range);

    public static Annotation MixedSchemas(string metric, SourceRange range) => Warning(
        $"vector contains a mix of histograms with exponential and custom buckets schemas for metric name {QuotedText.Quote(metric)}", range);

    public static Annotation IncompatibleBuckets(string operation, SourceRange range) =>
        Warning($"incompatible bucket layout encountered for binary operator {operation}", range);

    public static Annotation SortInRange(SourceRange range) =>
        Warning("sort is ineffective for range queries since results are always ordered by labels", range);

    public static Annotation HintsCollide(string operation, SourceRange range) => Warning($"conflicting counter resets during histogram {operation}", range);

    public static Annotation PossibleNonCounter(string metric, SourceRange range) =>
        Info($"metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {QuotedText.Quote(metric)}", range);

    public static Annotation PossibleNonCounterType(string metric, string type, SourceRange range) => Info(
        $"metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {QuotedText.Quote(type)}: {QuotedText.Quote(metric)}", range);

    public static Annotation IncompatibleTypes(string left, string operation, string right, SourceRange range) =>
        Info($"incompatible sample types encountered for binary operator \"{operation}\": {left} {operation} {right}", range);

    public static Annotation IgnoredInAggregation(string aggregation, SourceRange range) => Info($"ignored histogram in {aggregation} aggregation", range);

    public static Annotation IgnoredInRange(string metric, SourceRange range) =>
        Info($"ignored histograms in a range containing both floats and histograms for metric name {QuotedText.Quote(metric)}", range);

    public static Annotation NanQuantile(string metric, SourceRange range) =>
        Info($"input to histogram_quantile has NaN observations, result is NaN{ForMetric(metric)}", range);

    public static Annotation NanSkew(string metric, SourceRange range) =>
        Info($"input to histogram_quantile has NaN observations, result is skewed higher{ForMetric(metric)}", range);

    public static Annotation NanFraction(string metric, SourceRange range) =>
        Info($"input to histogram_fraction has NaN observations, which are excluded from all fractions{ForMetric(metric)}", range);

    public static Annotation BoundsReconciled(string operation, SourceRange range) => Info($"mismatched custom buckets were reconciled during {operation}", range);

    public static Annotation ForcedMonotonicity(string metric, SourceRange range, MonotonicityFix fix) => new MonotonicityAnnotation(
        "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        + ForMetric(metric), range, fix);

    public static Annotation StartTimeOverlap(string metric, SourceRange range) => new OverlapAnnotation(
        $"sample has start time that overlaps with previous sample timestamp for metric {QuotedText.Quote(metric)}", range, 1);

    /// <summary>Has no counterpart in Prometheus.</summary>
    public static Annotation RolledUp(SourceRange range) => Info("parts of the range are answered from 5 m roll-ups", range);

    private static string ForMetric(string metric) => metric.Length == 0 ? "" : $" for metric name {QuotedText.Quote(metric)}";

    private static Annotation Warning(string message, SourceRange range) => new(AnnotationKind.Warning, message, range);

    private static Annotation Info(string message, SourceRange range) => new(AnnotationKind.Info, message, range);

    /// <summary>Counts how often start times overlapped.</summary>
    private sealed record OverlapAnnotation(string Message, SourceRange Range, int Count) : Annotation(AnnotationKind.Warning, Message, Range)
    {
        private protected override string Details => Count > 1 ? string.Create(CultureInfo.InvariantCulture, $" ({Count} occurrences)") : "";

        internal override Annotation Merge(Annotation other) => other is OverlapAnnotation overlap ? this with { Count = Count + overlap.Count } : this;
    }

    /// <summary>Sums up what was changed to make buckets rise.</summary>
    private sealed record MonotonicityAnnotation(string Message, SourceRange Range, MonotonicityFix Fix) : Annotation(AnnotationKind.Info, Message, Range)
    {
        private protected override string Details => string.Create(
            CultureInfo.InvariantCulture,
            $", from buckets {NumberText.General(Fix.MinBucket)} to {NumberText.General(Fix.MaxBucket)}, with a max diff of {NumberText.General(Fix.MaxDifference, 2)}")
            + string.Create(CultureInfo.InvariantCulture, $", over {Fix.Count} samples from {Time(Fix.FirstMs)} to {Time(Fix.LastMs)}");

        internal override Annotation Merge(Annotation other) => other is MonotonicityAnnotation more ? this with { Fix = Fix.And(more.Fix) } : this;

        private static string Time(long milliseconds) =>
            DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }
}

/// <summary>What had to be changed so that the counts of a classic histogram rise with its bounds.</summary>
internal readonly record struct MonotonicityFix(double MinBucket, double MaxBucket, double MaxDifference, long FirstMs, long LastMs, int Count = 1)
{
    public MonotonicityFix And(MonotonicityFix other) => new(
        Math.Min(MinBucket, other.MinBucket), Math.Max(MaxBucket, other.MaxBucket), Math.Max(MaxDifference, other.MaxDifference),
        Math.Min(FirstMs, other.FirstMs), Math.Max(LastMs, other.LastMs), Count + other.Count);
}
