using System.Globalization;

namespace SloEngine.Server.Commands.Querying;

/// <summary>Answers as text: tables and CSV.</summary>
internal static class QueryOutput
{
    /// <summary>A line a point: series, value, and for ranges the time.</summary>
    public static void Table(QueryAnswer answer, TextWriter output)
    {
        if (answer.Type is "scalar" or "string")
        {
            output.WriteLine(answer.Series[0].Points[0].Text);
            return;
        }
        bool withTimes = answer.Type == "matrix";
        string[][] rows = [.. answer.Series.SelectMany(series => series.Points.Select(point =>
            (string[])(withTimes ? [series.Title, point.Time, point.Text] : [series.Title, point.Text])))];
        Write(output, withTimes ? ["SERIES", "TIME", "VALUE"] : ["SERIES", "VALUE"], rows);
    }

    /// <summary>A line a series: its points, extremes and last value.</summary>
    public static void Summary(QueryAnswer answer, TextWriter output)
    {
        var rows = new List<string[]>();
        foreach (AnswerSeries series in answer.Series)
        {
            double[] numbers = [.. series.Points.Select(point => point.Value).Where(value => !double.IsNaN(value))];
            string Of(Func<double[], double> choose) => numbers.Length == 0 ? "" : Number(choose(numbers));
            rows.Add(
            [
                AsciiPlot.MarkOf(rows.Count), series.Title, series.Points.Count.ToString(CultureInfo.InvariantCulture), Of(values => values.Min()), Of(values => values.Average()),
                Of(values => values.Max()), series.Points[^1].Text,
            ]);
        }
        Write(output, ["", "SERIES", "POINTS", "MIN", "AVERAGE", "MAX", "LAST"], [.. rows]);
    }

    /// <summary>RFC 4180: time, a column a label, value.</summary>
    public static void Csv(QueryAnswer answer, TextWriter output)
    {
        string[] labels = [.. answer.Series.SelectMany(series => series.Labels.Keys).Distinct().Order(StringComparer.Ordinal)];
        output.WriteLine(string.Join(",", (string[])["time", .. labels, "value"]));
        foreach (AnswerSeries series in answer.Series)
        {
            string[] values = [.. labels.Select(label => series.Labels.GetValueOrDefault(label, ""))];
            foreach (AnswerPoint point in series.Points)
            {
                output.WriteLine(string.Join(",", ((string[])[point.Time, .. values, point.Text]).Select(Quote)));
            }
        }
    }

    private static void Write(TextWriter output, string[] heads, string[][] rows)
    {
        if (rows.Length == 0)
        {
            output.WriteLine("no series");
            return;
        }
        int[] widths = [.. heads.Select((head, column) => rows.Max(row => row[column].Length))];
        foreach (string[] row in (string[][])[heads, .. rows])
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(Math.Max(widths[column], heads[column].Length)))).TrimEnd());
        }
    }

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("G6", CultureInfo.InvariantCulture);

    private static string Quote(string cell) =>
        cell.AsSpan().ContainsAny(",\"\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
}
