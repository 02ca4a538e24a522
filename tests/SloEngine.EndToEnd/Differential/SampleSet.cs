namespace SloEngine.EndToEnd.Differential;

/// <summary>
/// Ninety minutes of random but repeatable points: counters with resets, gaps and ends, gauges with all sorts of values, histograms of both
/// kinds; into SloEngine by OTLP, into Prometheus by remote write.
/// </summary>
internal sealed class SampleSet(long startMs)
{
    private const string Service = "shop";
    private const int Steps = 360;
    private const int StepMs = 15_000;
    private const int StepsPerRequest = 60;

    private static readonly double[] Bounds = [0.1, 0.5, 1, 2.5, 10];
    private static readonly string[] BoundTexts = ["0.1", "0.5", "1.0", "2.5", "10.0"];
    private static readonly double Stale = BitConverter.UInt64BitsToDouble(0x7FF0000000000002);

    private readonly Random _random = new(20260101);
    private readonly Dictionary<string, double> _totals = [];
    private readonly Dictionary<string, long[]> _buckets = [];
    private readonly OtlpMetricsJson _otlp = new(Service);
    private RemoteWrite _remote = new();

    public long StartMs => startMs;

    public long EndMs => startMs + (Steps * StepMs);

    public async Task SendAsync(Uri otlpHttp, Uri prometheus)
    {
        for (int step = 0; step < Steps; step++)
        {
            Counters(step);
            Gauges(step);
            Histograms(step);
            if ((step + 1) % StepsPerRequest == 0)
            {
                await _otlp.SendAsync(otlpHttp);
                await _remote.SendAsync(prometheus);
                _remote = new RemoteWrite();
            }
        }
    }

    private void Counters(int step)
    {
        foreach (string instance in (string[])["a", "b", "c"])
        {
            foreach (string code in (string[])["200", "404", "500"])
            {
                // Each series has its own moment within the step, as scrapes of several targets have.
                long time = Time(step) + (instance[0] * 37) + (code[0] * 11);
                string key = instance + code;
                bool isReset = _random.Next(120) == 0;
                _totals[key] = isReset ? Fraction(3) : _totals.GetValueOrDefault(key) + Fraction(5);
                bool isGap = instance == "b" && step is > 100 and < 130;
                bool isEnded = instance == "c" && code == "404" && step is > 200 and < 260;
                if (isGap || _random.Next(25) == 0)
                {
                    continue;
                }
                KeyValuePair<string, string>[] labels = [new("instance", instance), new("code", code)];
                if (isEnded)
                {
                    if (step == 201)
                    {
                        _otlp.Stale("http.requests", isCounter: true, labels, time);
                        _remote.Sample(Named("http_requests_total", labels), time, Stale);
                    }
                    continue;
                }
                _otlp.Counter("http.requests", labels, time, _totals[key]);
                _remote.Sample(Named("http_requests_total", labels), time, _totals[key]);
            }
        }
    }

    private void Gauges(int step)
    {
        foreach (string room in (string[])["attic", "cellar", "hall", "kitchen"])
        {
            double value = room switch
            {
                "attic" => (20 * Math.Sin(step / 30d)) + _random.NextDouble(),
                "cellar" => _random.Next(12) switch { 0 => double.NaN, 1 => double.PositiveInfinity, 2 => double.NegativeInfinity, 3 => 0, _ => _random.Next(-5, 5) },
                "hall" => 1e9 + (step * 0.25),
                _ => Math.Round(_random.NextDouble() * 1e-3, 6),
            };
            Gauge("temperature", [new("room", room), new("floor", room.Length.ToString(System.Globalization.CultureInfo.InvariantCulture))], Time(step), value);
        }
        foreach (string room in (string[])["attic", "cellar", "garden"])
        {
            Gauge("humidity", [new("room", room)], Time(step), Fraction(100));
        }
        // Few points, so that lookback and staleness matter.
        if (step % 35 == 0)
        {
            Gauge("sparse", [], Time(step), step);
        }
        Gauge("room.info", [new("room", "attic"), new("owner", "ann")], Time(step), 1);
        Gauge("room.info", [new("room", "cellar"), new("owner", "bob")], Time(step), 1);
    }

    private void Gauge(string name, KeyValuePair<string, string>[] labels, long time, double value)
    {
        _otlp.Gauge(name, labels, time, value);
        _remote.Sample(Named(name.Replace('.', '_'), labels), time, value);
    }

    private void Histograms(int step)
    {
        foreach (string path in (string[])["/", "/cart"])
        {
            KeyValuePair<string, string>[] labels = [new("path", path)];
            long[] counts = Grown("latency" + path, Bounds.Length + 1, step);
            double sum = counts.Select((count, index) => count * (index + 0.25)).Sum();
            _otlp.Histogram("latency", labels, Time(step), Bounds, counts, sum);
            long total = 0;
            for (int bucket = 0; bucket < counts.Length; bucket++)
            {
                total += counts[bucket];
                string bound = bucket < Bounds.Length ? BoundTexts[bucket] : "+Inf";
                _remote.Sample(Named("latency_bucket", [.. labels, new("le", bound)]), Time(step), total);
            }
            _remote.Sample(Named("latency_count", labels), Time(step), total);
            _remote.Sample(Named("latency_sum", labels), Time(step), sum);

            // From the middle on the scale of one of them is coarser, as SDKs do when values spread.
            bool isCoarse = path == "/cart" && step > Steps / 2;
            long[] native = Grown("size" + path + isCoarse, 7, step);
            int scale = isCoarse ? 1 : 3;
            double nativeSum = native.Sum() * 1.5;
            _otlp.Exponential("size", labels, Time(step), scale, step / 10, -3, native, nativeSum);
            _remote.Histogram(Named("size", labels), Time(step), scale, 1e-128, step / 10, -2, native, nativeSum);
        }
    }

    private long[] Grown(string key, int length, int step)
    {
        if (!_buckets.TryGetValue(key, out long[]? counts) || step % 150 == 149)
        {
            _buckets[key] = counts = new long[length];
            // Versions after 3.5 do not extrapolate a histogram to below zero: it is to be far from there.
            Array.Fill(counts, step == 0 ? 100 : 0);
            // Empty buckets at the ends, which only some producers send, count as samples in Prometheus.
            (counts[0], counts[^1]) = (Math.Max(counts[0], 1), Math.Max(counts[^1], 1));
        }
        for (int index = 0; index < length; index++)
        {
            counts[index] += _random.Next(4);
        }
        return counts;
    }

    /// <summary>A number that no other is likely to equal: which of equal ones are the first is open.</summary>
    private double Fraction(int below) => Math.Round(_random.NextDouble() * below, 9);

    private long Time(int step) => startMs + (step * StepMs);

    private static IEnumerable<KeyValuePair<string, string>> Named(string name, IEnumerable<KeyValuePair<string, string>> labels) =>
        [new("__name__", name), new("job", Service), new("service_name", Service), .. labels];
}
