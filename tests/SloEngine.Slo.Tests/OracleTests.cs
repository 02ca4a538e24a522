using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Burn;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

/// <summary>The ledger against a plain evaluation of the same raw points.</summary>
public sealed class OracleTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 27, 12, 0, 0, TimeSpan.Zero);
    private static readonly Config Quick = Config.QuickThrowOnFailure.WithMaxTest(150);

    /// <summary>A point as a process wrote it.</summary>
    private sealed record Point(string Code, bool IsDelta, int Process, int StartSecond, int Second, double Value);

    [Fact]
    public void The_ledger_equals_a_brute_force_evaluation_of_the_raw_points_whatever_order_they_come_in() =>
        Check.One(Quick, Prop.ForAll(Arb.From(Histories()), history =>
        {
            (Ledger.Ledger ledger, TestClock clock) = NewLedger(Slo(BudgetingMethod.Occurrences));
            Deliver(ledger, history);
            clock.Now = Start.AddHours(3);
            IReadOnlyList<(int Second, double Good, double Total)> events = BruteForce(history.Points);

            foreach (int window in (int[])[60, 300, 3600, 7200, 86_400])
            {
                for (DateTimeOffset now = Start.AddMinutes(30); now <= Start.AddHours(3); now = now.AddMinutes(30))
                {
                    WindowSum sum = ledger.Sum("slo", now, TimeSpan.FromSeconds(window));
                    AssertEither(events, Start, now, window, sum);
                }
            }
            Assert.Equal(Increase(history.Points), ledger.Sum("slo", clock.Now, TimeSpan.FromDays(1)).Total, 6);
        }));

    [Fact]
    public void Streaming_equals_backfill() => Check.One(Quick, Prop.ForAll(Arb.From(Histories()), history =>
    {
        foreach (BudgetingMethod method in Enum.GetValues<BudgetingMethod>())
        {
            (Ledger.Ledger streamed, _) = NewLedger(Slo(method));
            Deliver(streamed, history);
            (Ledger.Ledger backfilled, _) = NewLedger(Slo(method));
            Deliver(backfilled, history with { Order = [.. history.Points.Select((point, index) => (point, index)).OrderBy(entry => entry.point.Second).Select(entry => entry.index)] });

            for (DateTimeOffset now = Start.AddMinutes(10); now <= Start.AddHours(3); now = now.AddMinutes(10))
            {
                foreach (int minutes in (int[])[5, 60, 360])
                {
                    WindowSum one = streamed.Sum("slo", now, TimeSpan.FromMinutes(minutes));
                    WindowSum other = backfilled.Sum("slo", now, TimeSpan.FromMinutes(minutes));
                    Assert.Equal(other.Good, one.Good, 6);
                    Assert.Equal(other.Total, one.Total, 6);
                }
            }
        }
    }));

    [Fact]
    public void A_new_SLO_has_its_past_and_what_comes_meanwhile_once() => Check.One(Quick, Prop.ForAll(
        Arb.From(from history in Histories() from at in Gen.Choose(1, 3600) from read in Gen.Choose(12, 600) from done in Gen.Choose(0, 600) select (history, at, read, done)), given =>
        {
            foreach (BudgetingMethod method in Enum.GetValues<BudgetingMethod>())
            {
                var clock = new TestClock { Now = Start.AddSeconds(given.at) };
                var ledger = new Ledger.Ledger(new NoStore(), clock, since: Start, LedgerOptions.Default with { ReadsPast = true });
                ledger.SetSlosAsync([Slo(method)], default).GetAwaiter().GetResult();
                PendingPast past = Assert.Single(ledger.Pending);
                var taps = new Dictionary<(string, bool), (UInt128 Id, SeriesTap Tap)>();
                // Series that are known are tapped at once.
                Show(given.history.Points.Where(point => point.Second < given.at), ledger, taps, ledger.Bind, isShown: false);
                void Live(int from, int until) => Show(given.history.Points.Where(point => point.Second >= from && point.Second < until), ledger, taps, ledger.Bind);

                clock.Now = Start.AddSeconds(given.at + given.read);
                Live(given.at, given.at + given.read);
                ledger.ReadPast([past]);
                using var counter = new PastCounter([past], Start, clock);
                int until = (int)(past.Until - Start).TotalSeconds;
                Show(given.history.Points.Where(point => point.Second < until), ledger, [], series => counter.Bind(Id(series), series));
                counter.Finish();
                clock.Now = Start.AddSeconds(given.at + given.read + given.done);
                Live(given.at + given.read, given.at + given.read + given.done);
                using (ledger.BeginBatch())
                {
                    foreach ((UInt128 id, SeriesTap tap) in taps.Values)
                    {
                        tap.Settle(counter, id);
                    }
                }
                ledger.AddPastAsync([(past, counter.Increments(past))], default).GetAwaiter().GetResult();
                clock.Now = Start.AddHours(3);
                Live(given.at + given.read + given.done, int.MaxValue);

                (Ledger.Ledger streamed, _) = NewLedger(Slo(method));
                Show(given.history.Points, streamed, [], streamed.Bind);
                Assert.Empty(ledger.Pending);
                WindowSum one = ledger.Sum("slo", clock.Now, TimeSpan.FromDays(1));
                WindowSum other = streamed.Sum("slo", clock.Now, TimeSpan.FromDays(1));
                Assert.Equal(other.Total, one.Total, 6);
                Assert.Equal(other.Good, one.Good, 6);
                for (DateTimeOffset end = Start; end < clock.Now; end = end.AddMinutes(5))
                {
                    WindowSum expected = streamed.MinuteSum("slo", end, TimeSpan.FromMinutes(5));
                    Assert.Equal((expected.Total, expected.Good), ledger.MinuteSum("slo", end, TimeSpan.FromMinutes(5)) is var sum ? (sum.Total, sum.Good) : default);
                }
            }
        }));

    private static UInt128 Id(SeriesView series) => series.Labels["code"] == "200" ? series.IsDelta ? (UInt128)1 : 2 : series.IsDelta ? (UInt128)3 : 4;

    private static void Show(IEnumerable<Point> points, Ledger.Ledger ledger, Dictionary<(string, bool), (UInt128, SeriesTap)> taps, Func<SeriesView, SeriesTap?> bind, bool isShown = true)
    {
        using Lock.Scope batch = ledger.BeginBatch();
        foreach (Point point in points)
        {
            if (!taps.TryGetValue((point.Code, point.IsDelta), out (UInt128, SeriesTap Tap) bound))
            {
                SeriesView series = Series(point.Code, point.IsDelta);
                taps[(point.Code, point.IsDelta)] = bound = (Id(series), bind(series)!);
            }
            if (!isShown)
            {
                continue;
            }
            bound.Tap.Number(Nanos(Start.AddSeconds(point.StartSecond)), Nanos(Start.AddSeconds(point.Second)), point.Value);
        }
    }

    [Fact]
    public void Slices_equal_a_brute_force_verdict_on_each_slice() => Check.One(Quick, Prop.ForAll(Arb.From(Histories()), history =>
    {
        foreach (int sliceMinutes in (int[])[1, 5])
        {
            foreach (BudgetingMethod method in (BudgetingMethod[])[BudgetingMethod.Timeslices, BudgetingMethod.RatioTimeslices])
            {
                ServiceLevelObjective slo = Slo(method) with { Objectives = [new Objective("", 0.9, 0.95, TimeSpan.FromMinutes(sliceMinutes))] };
                (Ledger.Ledger ledger, _) = NewLedger(slo);
                Deliver(ledger, history);
                DateTimeOffset now = Start.AddMinutes(137);

                double[] slices = [.. BruteForce(history.Points)
                    .Where(entry => entry.Second < 137 * 60 / (sliceMinutes * 60) * sliceMinutes * 60)
                    .GroupBy(entry => entry.Second / (sliceMinutes * 60))
                    .Select(slice => (Good: slice.Sum(entry => entry.Good), Total: slice.Sum(entry => entry.Total)))
                    .Where(slice => slice.Total > 0)
                    .Select(slice => method == BudgetingMethod.Timeslices ? (slice.Good >= 0.95 * slice.Total ? 1 : 0) : slice.Good / slice.Total)];
                WindowSum sum = ledger.Sum("slo", now, TimeSpan.FromHours(6));

                Assert.Equal(slices.Length, sum.Total);
                Assert.Equal(slices.Sum(), sum.Good, 6);
            }
        }
    }));

    [Fact]
    public void A_calendar_window_counts_what_happened_since_its_local_start_also_where_the_clock_is_changed() =>
        Check.One(Quick, Prop.ForAll(
            Arb.From(
                from zone in Gen.Elements("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
                from unit in Gen.Elements(CalendarUnit.Day, CalendarUnit.Week, CalendarUnit.Month, CalendarUnit.Quarter, CalendarUnit.Year)
                from day in Gen.Choose(0, 360)
                from hours in Gen.ArrayOf(Gen.Choose(0, 24 * 4 * 60), 60)
                select (zone, unit, day, hours)),
            given =>
            {
                var zone = TimeZoneInfo.FindSystemTimeZoneById(given.zone);
                var window = new CalendarWindow(given.unit, 1, new DateTime(2024, 1, 1), zone);
                (Ledger.Ledger ledger, TestClock clock) = NewLedger(Slo(BudgetingMethod.Occurrences) with { BudgetWindow = window });
                DateTimeOffset begin = new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(given.day);
                DateTimeOffset[] times = [.. given.hours.Select(minute => begin.AddMinutes(minute)).Distinct().Order()];
                SeriesTap tap = ledger.Bind(Series("200", isDelta: true))!;
                foreach (DateTimeOffset time in times)
                {
                    clock.Now = time;
                    using (ledger.BeginBatch())
                    {
                        tap.Number(0, Nanos(time), 1);
                    }
                    (int year, int period) = Period(time, given.unit, zone);
                    Assert.Equal(times.Count(other => other <= time && Period(other, given.unit, zone) == (year, period)), ledger.BudgetSum("slo", time).Total);
                }
            }));

    /// <summary>The period that a time is in by its local date alone.</summary>
    private static (int Year, int Period) Period(DateTimeOffset time, CalendarUnit unit, TimeZoneInfo zone)
    {
        DateTime local = TimeZoneInfo.ConvertTime(time, zone).DateTime;
        return unit switch
        {
            CalendarUnit.Day => (local.Year, local.DayOfYear),
            CalendarUnit.Week => (0, (local.Date - new DateTime(2024, 1, 1)).Days / 7),
            CalendarUnit.Month => (local.Year, local.Month),
            CalendarUnit.Quarter => (local.Year, (local.Month - 1) / 3),
            _ => (local.Year, 0),
        };
    }

    /// <summary>
    /// PromQL's increase of raw points, without extrapolation: the differences of neighbours, a drop counts from zero. Here a first point
    /// counts, too, since its process began after the ledger.
    /// </summary>
    private static double Increase(IReadOnlyList<Point> points)
    {
        double sum = points.Where(point => point.IsDelta).Sum(point => point.Value);
        foreach (IGrouping<string, Point> series in points.Where(point => !point.IsDelta).GroupBy(point => point.Code))
        {
            Point[] ordered = [.. series.OrderBy(point => point.Second)];
            sum += ordered[0].Value;
            for (int index = 1; index < ordered.Length; index++)
            {
                bool reset = ordered[index].Value < ordered[index - 1].Value || ordered[index].Process != ordered[index - 1].Process;
                sum += reset ? ordered[index].Value : ordered[index].Value - ordered[index - 1].Value;
            }
        }
        return sum;
    }

    private static List<(int Second, double Good, double Total)> BruteForce(IReadOnlyList<Point> points)
    {
        var events = new List<(int Second, double Good, double Total)>();
        foreach (IGrouping<(string Code, bool IsDelta), Point> series in points.GroupBy(point => (point.Code, point.IsDelta)))
        {
            Point? last = null;
            foreach (Point point in series.OrderBy(point => point.Second))
            {
                double increase = point.IsDelta || last is null || last.Process != point.Process || point.Value < last.Value ? point.Value : point.Value - last.Value;
                events.Add((point.Second, point.Code == "200" ? increase : 0, increase));
                last = point;
            }
        }
        return events;
    }

    /// <summary>A window's sum, by slots of ten seconds or, for times past or long windows, of a minute.</summary>
    private static void AssertEither(IReadOnlyList<(int Second, double Good, double Total)> events, DateTimeOffset origin, DateTimeOffset now, int window, WindowSum sum)
    {
        (double Good, double Total) Of(int slot)
        {
            long last = now.ToUnixTimeSeconds() / slot;
            long before = now.AddSeconds(-window).ToUnixTimeSeconds() / slot;
            var inside = events.Where(entry => origin.AddSeconds(entry.Second).ToUnixTimeSeconds() / slot is { } at && at > before && at <= last).ToList();
            return (inside.Sum(entry => entry.Good), inside.Sum(entry => entry.Total));
        }
        (double Good, double Total) fine = Of(10);
        (double Good, double Total) minutes = Of(60);
        (double Good, double Total) expected = Math.Abs(fine.Total - sum.Total) < 1e-6 ? fine : minutes;
        Assert.Equal(expected.Total, sum.Total, 6);
        Assert.Equal(expected.Good, sum.Good, 6);
    }

    /// <summary>Points of two counters and a delta sum, and the order in which they come: near their place, some twice.</summary>
    private sealed record History(IReadOnlyList<Point> Points, IReadOnlyList<int> Order);

    private static Gen<History> Histories() =>
        from steps in Gen.ListOf(
            from code in Gen.Elements("200", "500")
            from gap in Gen.Choose(1, 30)
            from increment in Gen.Choose(0, 40)
            from restart in Gen.Choose(0, 9)
            from delta in Gen.Choose(0, 2)
            select (code, gap, increment, restart == 0, delta == 0), 60)
        from shifts in Gen.ArrayOf(Gen.Choose(0, 5), 60)
        from twice in Gen.ArrayOf(Gen.Choose(0, 60), 10)
        select Build([.. steps], shifts, twice);

    private static History Build((string Code, int Gap, int Increment, bool Restart, bool IsDelta)[] steps, int[] shifts, int[] twice)
    {
        var points = new List<Point>();
        var counters = new Dictionary<string, (int Process, int Start, double Value)> { ["200"] = (0, 1, 0), ["500"] = (0, 1, 0) };
        var deltaEnds = new Dictionary<string, int> { ["200"] = 1, ["500"] = 1 };
        int second = 1;
        foreach ((string code, int gap, int increment, bool restart, bool isDelta) in steps)
        {
            second += 5 + (gap * 4);
            if (isDelta)
            {
                points.Add(new Point(code, true, 0, deltaEnds[code], second, increment));
                deltaEnds[code] = second;
                continue;
            }
            (int process, int start, double value) = counters[code];
            if (restart)
            {
                (process, start, value) = (process + 1, second - 3, 0);
            }
            value += increment;
            counters[code] = (process, start, value);
            points.Add(new Point(code, false, process, start, second, value));
        }
        // Each comes up to five places late, and some come twice.
        int[] order = [.. Enumerable.Range(0, points.Count).OrderBy(index => index + shifts[index % shifts.Length]).ThenBy(index => index)];
        return new History(points, [.. order, .. twice.Where(index => index < points.Count)]);
    }

    private static void Deliver(Ledger.Ledger ledger, History history)
    {
        var taps = new Dictionary<(string, bool), SeriesTap>();
        using Lock.Scope batch = ledger.BeginBatch();
        foreach (Point point in history.Order.Select(index => history.Points[index]))
        {
            if (!taps.TryGetValue((point.Code, point.IsDelta), out SeriesTap? tap))
            {
                taps[(point.Code, point.IsDelta)] = tap = ledger.Bind(Series(point.Code, point.IsDelta))!;
            }
            tap.Number(Nanos(Start.AddSeconds(point.StartSecond)), Nanos(Start.AddSeconds(point.Second)), point.Value);
        }
    }

    private static (Ledger.Ledger Ledger, TestClock Clock) NewLedger(ServiceLevelObjective slo)
    {
        var clock = new TestClock { Now = Start };
        var ledger = new Ledger.Ledger(new NoStore(), clock);
        ledger.SetSlosAsync([slo], default).GetAwaiter().GetResult();
        clock.Now = Start.AddHours(3);
        return (ledger, clock);
    }

    internal static ServiceLevelObjective Slo(BudgetingMethod method) => new()
    {
        Id = "slo",
        DisplayName = "slo",
        Service = "app",
        Objective = 0.9,
        Method = method,
        Indicator = new Indicator(
            "ratio",
            new MetricMeasure("requests_total", [new Matcher("code", "!~", "5..")], MetricPart.Increase),
            new MetricMeasure("requests_total", [], MetricPart.Increase),
            PartIsBad: false),
        Policies = BurnPolicy.Default(0.9, TimeSpan.FromDays(30)),
    };

    internal static SeriesView Series(string code, bool isDelta, params (string Key, string Value)[] labels)
    {
        var all = labels.ToDictionary(label => label.Key, label => label.Value);
        all["code"] = code;
        return new("requests_total", "requests", SeriesKind.Counter, isDelta, all, [], $"process-{isDelta}");
    }

    internal static long Nanos(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}

/// <summary>A clock that stands until it is set.</summary>
internal sealed class TestClock : TimeProvider
{
    public DateTimeOffset Now { get; set; }

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>A store that keeps nothing.</summary>
internal sealed class NoStore : ILedgerStore
{
    public Task AppendAsync(IReadOnlyList<LedgerIncrement> increments, string token, CancellationToken cancellation) => Task.CompletedTask;

    public Task<IReadOnlyList<LedgerIncrement>> ReadOthersAsync(string? key, DateTimeOffset since, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);

    public Task<IReadOnlyList<LedgerIncrement>> ReadAsync(string key, DateTimeOffset since, CancellationToken cancellation) =>
        Task.FromResult<IReadOnlyList<LedgerIncrement>>([]);
}
