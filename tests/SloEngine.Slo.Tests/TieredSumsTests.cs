using FsCheck;
using FsCheck.Fluent;
using SloEngine.Slo.Ledger;
using SloEngine.Slo.Model;

namespace SloEngine.Slo.Tests;

public sealed class TieredSumsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Minutes_that_are_carried_into_long_slots_together_sum_up_as_each_by_itself_whenever_somebody_reads() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(60),
        Prop.ForAll(Arb.From(
            from days in Gen.Elements(3, 4, 30)
            from isCalendar in Gen.Elements(true, false)
            from steps in Gen.ListOf(
                from minutes in Gen.Frequency((8, Gen.Choose(0, 3)), (2, Gen.Choose(-90, 0)), (1, Gen.Choose(4, 2000)))
                from good in Gen.Choose(0, 5)
                from bad in Gen.Choose(0, 5)
                from isRead in Gen.Elements(true, false, false, false)
                select (minutes, good, bad, isRead), 150)
            select (days, isCalendar, steps)),
        history =>
        {
            BudgetWindow budget = history.isCalendar
                ? new CalendarWindow(CalendarUnit.Day, history.days, new DateTime(2026, 1, 1), TimeZoneInfo.Utc) : new RollingWindow(TimeSpan.FromDays(history.days));
            var reach = TimeSpan.FromDays(history.days);
            TieredSums carried = new(budget, reach, finest: true);
            TieredSums each = new(budget, reach, finest: true);
            long latest = 0;
            foreach ((int minutes, int good, int bad, bool isRead) in history.steps)
            {
                long minute = Math.Max(0, latest + minutes);
                latest = Math.Max(latest, minute);
                DateTimeOffset time = Start.AddMinutes(minute);
                carried.AddFine((time - DateTimeOffset.UnixEpoch).Ticks, good, good + bad);
                carried.AddMinute((time - DateTimeOffset.UnixEpoch).Ticks, good, good + bad);
                each.Add(time, good, good + bad);
                if (isRead)
                {
                    AssertSame(Start.AddMinutes(latest + 1));
                }
            }
            AssertSame(Start.AddMinutes(latest + 7));

            void AssertSame(DateTimeOffset now)
            {
                foreach (double hours in (double[])[0.1, 1, 11, 20, 70, 24 * history.days])
                {
                    Assert.Equal(each.Sum(now, TimeSpan.FromHours(hours)), carried.Sum(now, TimeSpan.FromHours(hours)));
                    Assert.Equal(each.Sum(now, TimeSpan.FromHours(hours), TimeSpan.FromMinutes(1)), carried.Sum(now, TimeSpan.FromHours(hours), TimeSpan.FromMinutes(1)));
                }
            }
        }));
}
