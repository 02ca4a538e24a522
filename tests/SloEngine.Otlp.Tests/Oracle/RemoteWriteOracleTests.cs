using Google.Protobuf;
using Google.Protobuf.Collections;
using SloEngine.Otlp.Common;
using SloEngine.Otlp.Metrics;
using SloEngine.Otlp.RemoteWrite;
using V1 = SloEngine.Otlp.Tests.Oracle.RemoteWrite1;
using V2 = SloEngine.Otlp.Tests.Oracle.RemoteWrite2;

namespace SloEngine.Otlp.Tests.Oracle;

/// <summary>Remote write against readers generated from the public definitions, on random messages in random encodings.</summary>
public sealed class RemoteWriteOracleTests
{
    private const int Messages = 2_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Version_1_comes_out_as_a_generated_reader_reads_it(bool scrambled)
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new RandomRemoteWrite(seed).Version1().ToByteArray();
            request = scrambled ? new WireScrambler(seed).Scramble(request, V1.WriteRequest.Descriptor) : request;
            var expected = new Expected();
            foreach (V1.TimeSeries series in V1.WriteRequest.Parser.ParseFrom(request).Timeseries)
            {
                expected.Add(
                    [.. series.Labels.Select(label => (label.Name, label.Value))], 0, "", "",
                    series.Samples.Select(sample => (sample.Timestamp, sample.Value, 0L)), series.Histograms.Select(histogram => (histogram, 0L)),
                    series.Exemplars.Select(exemplar => (exemplar.Timestamp, exemplar.Value, (string[])[.. exemplar.Labels.SelectMany(label => new[] { label.Name, label.Value })])));
            }
            Check(seed, request, expected, isVersion2: false);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Version_2_comes_out_as_a_generated_reader_reads_it(bool scrambled)
    {
        for (int seed = 0; seed < Messages; seed++)
        {
            byte[] request = new RandomRemoteWrite(seed).Version2().ToByteArray();
            request = scrambled ? new WireScrambler(seed).Scramble(request, V2.Request.Descriptor) : request;
            V2.Request read = V2.Request.Parser.ParseFrom(request);
            var expected = new Expected();
            foreach (V2.TimeSeries series in read.Timeseries)
            {
                string[] texts = [.. series.LabelsRefs.Select(reference => read.Symbols[(int)reference])];
                (string, string)[]? labels = texts.Length % 2 == 0 ? [.. texts.Chunk(2).Select(pair => (pair[0], pair[1]))] : null;
                expected.Add(
                    labels, series.Metadata?.Type ?? 0, read.Symbols[(int)(series.Metadata?.UnitRef ?? 0)], read.Symbols[(int)(series.Metadata?.HelpRef ?? 0)],
                    series.Samples.Select(sample => (sample.Timestamp, sample.Value, sample.StartTimestamp != 0 ? sample.StartTimestamp : series.CreatedTimestamp)),
                    series.Histograms.Select(histogram => (
                        V1.Histogram.Parser.ParseFrom(histogram.ToByteArray()), histogram.StartTimestamp != 0 ? histogram.StartTimestamp : series.CreatedTimestamp)),
                    series.Exemplars.Select(exemplar => (
                        exemplar.Timestamp, exemplar.Value, (string[])[.. exemplar.LabelsRefs.Select(reference => read.Symbols[(int)reference])])));
            }
            Check(seed, request, expected, isVersion2: true);
        }
    }

    private static void Check(int seed, byte[] request, Expected expected, bool isVersion2)
    {
        var index = new TextIndex();
        using var block = new MetricBlock();
        var decoder = new RemoteWriteDecoder(index, 1);
        DecodeResult result = isVersion2 ? decoder.Decode2(request, block) : decoder.Decode(request, block);
        OtlpOracleTests.Same(seed, expected.Lines, expected.Accepted, expected.Items, (expected.Exemplars, expected.DroppedExemplars), result, ColumnRows.Of(block, index));
    }

    private sealed class Expected
    {
        private readonly List<string> _numbers = [];
        private readonly List<string> _custom = [];
        private readonly List<string> _exponential = [];
        private readonly List<string> _float = [];
        private readonly List<string> _exemplars = [];

        public int Exemplars => _exemplars.Count;

        public int DroppedExemplars { get; private set; }

        public int Items { get; private set; }

        public int Accepted => _numbers.Count + _exponential.Count + _float.Count;

        public IEnumerable<string> Lines => _numbers.Concat(_custom).Concat(_exponential).Concat(_float).Concat(_exemplars);

        /// <summary>Adds what a series holds; labels are null where they are no pairs.</summary>
        public void Add(
            (string Name, string Value)[]? labels, uint type, string unit, string help, IEnumerable<(long Time, double Value, long Start)> samples,
            IEnumerable<(V1.Histogram Histogram, long Start)> histograms, IEnumerable<(long Time, double Value, string[] Labels)> exemplars)
        {
            (string Name, string Value)[] given = [.. (labels ?? []).Where(label => label.Value.Length > 0).OrderBy(label => label.Name, StringComparer.Ordinal)];
            string? name = given.FirstOrDefault(label => label.Name == "__name__").Value;
            bool sound = labels is not null && name is not null && labels.All(label => label.Name.Length > 0) && given.DistinctBy(label => label.Name).Count() == given.Length;
            string rest = string.Join(", ", given.Where(label => label.Name != "__name__").Select(label => $"{label.Name}={label.Value}"));
            bool rises = type == 1 || (type != 2 && name is not null && new[] { "_total", "_bucket", "_count", "_sum" }.Any(end => name.EndsWith(end, StringComparison.Ordinal)));
            string Series(MetricKind kind, IEnumerable<double> bounds) => Rows.Line(name!, kind, unit, help, rest, bounds);

            foreach ((long time, double value, long start) in samples)
            {
                Items++;
                if (sound && IsTime(time))
                {
                    _numbers.Add(Rows.Line("number", Series(rises ? MetricKind.Counter : MetricKind.Gauge, []), time * 1_000_000, Start(start), value));
                }
            }
            foreach ((V1.Histogram sent, long start) in histograms)
            {
                V1.Histogram histogram = Usable(sent);
                Items++;
                if (!sound || !IsTime(histogram.Timestamp))
                {
                    continue;
                }
                if (histogram.CountCase == V1.Histogram.CountOneofCase.CountFloat || histogram.ResetHint == 3)
                {
                    if (Float(histogram) is { } fields)
                    {
                        _float.Add(Rows.Line(["float", Series(MetricKind.FloatHistogram, []), .. fields]));
                    }
                    continue;
                }
                SortedDictionary<long, ulong>? positive = Buckets(histogram.PositiveSpans, histogram.PositiveDeltas);
                SortedDictionary<long, ulong>? negative = Buckets(histogram.NegativeSpans, histogram.NegativeDeltas);
                if (positive is null || negative is null || !Adds(histogram, positive, negative))
                {
                    continue;
                }
                object[] common = [histogram.Timestamp * 1_000_000, Start(start), histogram.CountInt, histogram.Sum, double.NaN, double.NaN];
                if (histogram.Schema == -53)
                {
                    double[] bounds = [.. histogram.CustomValues];
                    if (IsCustom(histogram) && positive.Keys.All(bucket => bucket >= 0 && bucket <= bounds.Length)
                        && First(histogram.PositiveSpans) is >= 0 && First(histogram.PositiveSpans) + Width(histogram.PositiveSpans) <= bounds.Length + 1)
                    {
                        ulong[] dense = [.. Enumerable.Range(0, bounds.Length + 1).Select(bucket => positive.GetValueOrDefault(bucket))];
                        _custom.Add(Rows.Line(["histogram", Series(MetricKind.Histogram, bounds), .. common, dense]));
                        // The same as a native one.
                        _float.Add(Rows.Line(["float", Series(MetricKind.FloatHistogram, []), .. Float(histogram)!]));
                    }
                }
                else if (histogram.Schema is >= -4 and <= 8)
                {
                    _exponential.Add(Rows.Line([
                        "exponential", Series(MetricKind.ExponentialHistogram, []), .. common, histogram.Schema, histogram.ZeroCountInt,
                        histogram.ZeroThreshold, unchecked((int)First(histogram.PositiveSpans) - 1), Dense(histogram.PositiveSpans, positive),
                        unchecked((int)First(histogram.NegativeSpans) - 1), Dense(histogram.NegativeSpans, negative)]));
                }
            }
            foreach ((long time, double value, string[] texts) in exemplars)
            {
                Add(sound ? Rows.Line(name!, rest) : null, time, value, texts);
            }
        }

        /// <summary>Adds an exemplar to the series of a name and labels; null where these make no sense.</summary>
        private void Add(string? series, long time, double value, string[] texts)
        {
            (string Name, string Value)[] labels = texts.Length % 2 != 0 ? []
                : [.. texts.Chunk(2).Select(pair => (pair[0], pair[1])).Where(label => label.Item1.Length > 0 && label.Item2.Length > 0)];
            string? trace = labels.FirstOrDefault(label => label.Name == "trace_id" && IsId(label.Value, 16)).Value;
            string? span = labels.FirstOrDefault(label => label.Name == "span_id" && IsId(label.Value, 8)).Value;
            List<(string Name, string Value)> rest = [.. labels];
            rest.Remove(("trace_id", trace!));
            rest.Remove(("span_id", span!));
            if (series is null || !IsTime(time) || texts.Length % 2 != 0 || !Rows.Fit(rest))
            {
                DroppedExemplars++;
                return;
            }
            _exemplars.Add(Rows.Line(
                "exemplar", series, time * 1_000_000, value, (trace ?? new string('0', 32)).ToUpperInvariant(), (span ?? new string('0', 16)).ToUpperInvariant(),
                "{" + string.Join(", ", rest.Select(label => $"{label.Name}=s:{label.Value}")) + "}"));
        }

        private static bool IsId(string text, int bytes) => text.Length == bytes * 2 && text.All(char.IsAsciiHexDigitLower);

        /// <summary>What stands in the columns of a histogram with fractional counts, or that is a gauge; null where it makes no sense.</summary>
        private static object[]? Float(V1.Histogram histogram)
        {
            bool isGauge = histogram.ResetHint == 3;
            bool isFloat = histogram.CountCase == V1.Histogram.CountOneofCase.CountFloat;
            double count = isFloat ? histogram.CountFloat : histogram.CountInt;
            double zeroCount = histogram.ZeroCountCase == V1.Histogram.ZeroCountOneofCase.ZeroCountFloat ? histogram.ZeroCountFloat : histogram.ZeroCountInt;
            double[] bounds = [.. histogram.CustomValues];
            bool isCustom = histogram.Schema == -53;
            (double[] Indexes, double[] Counts)? positive = Side(histogram.PositiveSpans, histogram.PositiveDeltas, histogram.PositiveCounts);
            (double[] Indexes, double[] Counts)? negative = Side(histogram.NegativeSpans, histogram.NegativeDeltas, histogram.NegativeCounts);
            bool fits = isCustom
                ? IsCustom(histogram) && First(histogram.PositiveSpans) >= 0 && First(histogram.PositiveSpans) + Width(histogram.PositiveSpans) <= bounds.Length + 1
                : bounds.Length == 0 && histogram.Schema is >= -4 and <= 8;
            if (!fits || positive is not { } above || negative is not { } below || (!isGauge && (count < 0 || zeroCount < 0)))
            {
                return null;
            }
            if (!isFloat && !Adds(histogram, Buckets(histogram.PositiveSpans, histogram.PositiveDeltas)!, Buckets(histogram.NegativeSpans, histogram.NegativeDeltas)!))
            {
                return null;
            }
            return
            [
                histogram.Timestamp * 1_000_000, histogram.ResetHint is 1 or 3 ? histogram.ResetHint : 0, count, histogram.Sum, histogram.Schema, zeroCount, histogram.ZeroThreshold,
                above.Indexes, above.Counts, below.Indexes, below.Counts, bounds,
            ];

            (double[] Indexes, double[] Counts)? Side(RepeatedField<V1.BucketSpan> spans, RepeatedField<long> deltas, RepeatedField<double> counts)
            {
                double[] indexes = [.. spans.Select((span, at) => (Start: spans.Take(at).Sum(before => (long)before.Offset + before.Length) + span.Offset, span.Length))
                    .SelectMany(span => Enumerable.Range(0, (int)Math.Min(span.Length, 200_000)).Select(bucket => (double)(span.Start + bucket)))];
                long running = 0;
                double[] all = isFloat ? [.. counts] : [.. deltas.Select(delta => (double)(running += delta))];
                bool makesSense = indexes.Length == all.Length && spans.Skip(1).All(span => span.Offset >= 0) && Width(spans) <= 100_000 && First(spans) + Width(spans) <= int.MaxValue
                    && ((isFloat && isGauge) || !all.Any(one => one < 0));
                return makesSense ? (indexes, all) : null;
            }
        }

        /// <summary>The histogram itself, or of a finer schema than is used one of the finest that is: by the bounds of its buckets.</summary>
        private static V1.Histogram Usable(V1.Histogram sent)
        {
            bool isFloat = sent.CountCase == V1.Histogram.CountOneofCase.CountFloat;
            if (sent.Schema is < 9 or > 52 || !Fits(sent.PositiveSpans, isFloat ? sent.PositiveCounts.Count : sent.PositiveDeltas.Count)
                || !Fits(sent.NegativeSpans, isFloat ? sent.NegativeCounts.Count : sent.NegativeDeltas.Count))
            {
                return sent;
            }
            V1.Histogram usable = sent.Clone();
            usable.Schema = 8;
            Coarsen(usable.PositiveSpans, usable.PositiveDeltas, usable.PositiveCounts);
            Coarsen(usable.NegativeSpans, usable.NegativeDeltas, usable.NegativeCounts);
            return usable;

            static bool Fits(RepeatedField<V1.BucketSpan> spans, int counts) => spans.Sum(span => (long)span.Length) == counts && spans.Skip(1).All(span => span.Offset >= 0)
                && (spans.Count == 0 || First(spans) + Width(spans) <= int.MaxValue);

            void Coarsen(RepeatedField<V1.BucketSpan> spans, RepeatedField<long> deltas, RepeatedField<double> counts)
            {
                long running = 0;
                decimal[] all = isFloat ? [.. counts.Select(count => (decimal)count)] : [.. deltas.Select(delta => (decimal)(running += delta))];
                var coarse = new SortedDictionary<long, decimal>();
                IEnumerable<long> indexes = spans.SelectMany((span, at) => Enumerable.Range(0, (int)span.Length)
                    .Select(bucket => spans.Take(at).Sum(before => (long)before.Offset + before.Length) + span.Offset + bucket));
                foreach ((long index, decimal count) in indexes.Zip(all))
                {
                    // The upper bound of bucket i is 2^(i / 2^schema).
                    long into = (long)Math.Ceiling((decimal)index / (1L << (sent.Schema - 8)));
                    coarse[into] = coarse.GetValueOrDefault(into) + count;
                }
                spans.Clear();
                deltas.Clear();
                counts.Clear();
                long end = 0;
                decimal last = 0;
                foreach ((long index, decimal count) in coarse)
                {
                    spans.Add(new V1.BucketSpan { Offset = (int)(index - end), Length = 1 });
                    if (isFloat)
                    {
                        counts.Add((double)count);
                    }
                    else
                    {
                        deltas.Add((long)(count - last));
                    }
                    (end, last) = (index + 1, count);
                }
            }
        }

        /// <summary>Whether the buckets hold as many as there are, or fewer where some are not numbers.</summary>
        private static bool Adds(V1.Histogram histogram, SortedDictionary<long, ulong> positive, SortedDictionary<long, ulong> negative)
        {
            decimal held = positive.Values.Concat(negative.Values).Sum(count => (decimal)count) + histogram.ZeroCountInt;
            return held == histogram.CountInt || (double.IsNaN(histogram.Sum) && held < histogram.CountInt);
        }

        private static bool IsCustom(V1.Histogram histogram) => histogram.NegativeSpans.Count == 0 && histogram.ZeroThreshold == 0 && histogram.ZeroCountInt == 0 && histogram.ZeroCountFloat == 0
            && histogram.CustomValues.All(double.IsFinite) && histogram.CustomValues.Zip(histogram.CustomValues.Skip(1)).All(pair => pair.First < pair.Second);

        /// <summary>Counts by absolute index; null where the spans make no sense.</summary>
        private static SortedDictionary<long, ulong>? Buckets(RepeatedField<V1.BucketSpan> spans, RepeatedField<long> deltas)
        {
            if (spans.Sum(span => (long)span.Length) != deltas.Count || spans.Skip(1).Any(span => span.Offset < 0) || Width(spans) > 100_000
                || First(spans) + Width(spans) > int.MaxValue)
            {
                return null;
            }
            var buckets = new SortedDictionary<long, ulong>();
            long index = 0;
            long count = 0;
            int next = 0;
            foreach (V1.BucketSpan span in spans)
            {
                index += span.Offset;
                for (uint bucket = 0; bucket < span.Length; bucket++)
                {
                    count += deltas[next++];
                    if (count < 0)
                    {
                        return null;
                    }
                    buckets[index++] = (ulong)count;
                }
            }
            return buckets;
        }

        private static ulong[] Dense(RepeatedField<V1.BucketSpan> spans, SortedDictionary<long, ulong> buckets)
        {
            ulong[] dense = new ulong[Width(spans)];
            foreach ((long index, ulong count) in buckets)
            {
                dense[index - First(spans)] = count;
            }
            return dense;
        }

        private static long First(RepeatedField<V1.BucketSpan> spans) => spans.Count == 0 ? 0 : spans[0].Offset;

        private static long Width(RepeatedField<V1.BucketSpan> spans) => spans.Sum(span => (long)span.Length) + spans.Skip(1).Sum(span => (long)span.Offset);

        private static bool IsTime(long milliseconds) => milliseconds is > 0 and < long.MaxValue / 1_000_000;

        private static long Start(long milliseconds) => IsTime(milliseconds) ? milliseconds * 1_000_000 : 0;
    }
}
