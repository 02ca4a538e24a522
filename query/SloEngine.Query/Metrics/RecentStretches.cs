using System.Runtime.InteropServices;
using SloEngine.Storage;
using SloEngine.Storage.Tables;

namespace SloEngine.Query.Metrics;

/// <summary>Samples that are not in their table yet, beside what was read of it.</summary>
internal static class RecentStretches
{
    /// <summary>Those of series within a range, of equal times the first.</summary>
    public static Dictionary<UInt128, SampleStretch> Of(RecentSamples? recent, UInt128[] ids, TimeRange range)
    {
        var found = new Dictionary<UInt128, SampleStretch>();
        recent?.Read(ids, range.StartMs, range.EndMs, (index, times, numbers, scales) =>
        {
            ref SampleStretch stretch = ref CollectionsMarshal.GetValueRefOrAddDefault(found, ids[index], out _);
            double[] values = new double[times.Length];
            SampleValue.Decode(numbers, scales, values);
            stretch = Joined(stretch with { Id = ids[index] }, times.ToArray(), values);
        });
        return found;
    }

    /// <summary>The series of the table, and behind each what came since; what is found in both counts once.</summary>
    public static List<SampleStretch> Behind(List<SampleStretch> stored, Dictionary<UInt128, SampleStretch> recent)
    {
        if (recent.Count == 0)
        {
            return stored;
        }
        Span<SampleStretch> all = CollectionsMarshal.AsSpan(stored);
        foreach (ref SampleStretch stretch in all)
        {
            if (recent.Remove(stretch.Id, out SampleStretch since))
            {
                stretch = Joined(stretch, since.TimesMs, since.Values);
            }
        }
        stored.AddRange(recent.Values);
        return stored;
    }

    private static SampleStretch Joined(SampleStretch before, long[] times, double[] values)
    {
        if (before.TimesMs is not { Length: > 0 } earlier)
        {
            return Ordered(before with { TimesMs = times, Values = values });
        }
        return Ordered(before with { TimesMs = [.. earlier, .. times], Values = [.. before.Values, .. values] });
    }

    private static SampleStretch Ordered(SampleStretch stretch)
    {
        if (TimeOrder.IsAscending(stretch.TimesMs))
        {
            return stretch;
        }
        int[] order = TimeOrder.Of(stretch.TimesMs);
        return stretch with { TimesMs = Array.ConvertAll(order, position => stretch.TimesMs[position]), Values = Array.ConvertAll(order, position => stretch.Values[position]) };
    }
}
