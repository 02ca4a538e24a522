using System.Globalization;
using SloEngine.Storage;

namespace SloEngine.Query.Metrics;

/// <summary>Statements that read rows of series.</summary>
internal static class SeriesStatement
{
    /// <summary>A statement over the rows of series after the start of a range and up to its end.</summary>
    /// <param name="select">Its beginning, up to the table.</param>
    /// <param name="ids">The series.</param>
    /// <param name="range">The range.</param>
    /// <param name="options">Limits.</param>
    /// <param name="rest">What follows the condition.</param>
    /// <param name="isRange">Whether the ids ascend and no other series lies between them.</param>
    public static StoreQuery Of(string select, UInt128[] ids, TimeRange range, QueryOptions options, string rest = "", bool isRange = false)
    {
        var parameters = new Dictionary<string, string>
        {
            ["start"] = range.StartMs.ToString(CultureInfo.InvariantCulture),
            ["end"] = range.EndMs.ToString(CultureInfo.InvariantCulture),
        };
        string which = SqlText.IsOneOfIds(ids.Length);
        if (isRange)
        {
            // Comparing with two ids costs a fraction of looking each row's id up in a set.
            which = "id BETWEEN {first:UInt128} AND {last:UInt128}";
            parameters["first"] = ids[0].ToString(CultureInfo.InvariantCulture);
            parameters["last"] = ids[^1].ToString(CultureInfo.InvariantCulture);
        }
        else
        {
            parameters["ids"] = SqlText.Array(ids);
        }
        const string When = "ts > fromUnixTimestamp64Milli({start:Int64}) AND ts <= fromUnixTimestamp64Milli({end:Int64})";
        return new StoreQuery($"{select} WHERE {which} AND {When}{rest}")
        {
            Parameters = parameters,
            Timeout = options.Timeout,
            MaxResultRows = options.MaxSamples,
        };
    }
}
