using System.Globalization;
using System.Text;

namespace SloEngine.Server.Commands.Querying;

/// <summary>Series over time, drawn with characters: a mark a series, values upwards, time to the right.</summary>
internal static class AsciiPlot
{
    public const int DefaultWidth = 100;
    public const int LeastWidth = 40;

    private const int Height = 16;
    private const int ScaleWidth = 10;

    /// <summary>Marks by series; series behind them are not drawn.</summary>
    private const string Marks = "*+ox#@%&";

    /// <summary>The mark of a series in the plot; empty where it is not drawn.</summary>
    public static string MarkOf(int series) => series < Marks.Length ? Marks[series].ToString() : "";

    /// <summary>The plot; empty when there is no finite value.</summary>
    public static string Draw(IReadOnlyList<AnswerSeries> series, int width)
    {
        AnswerSeries[] drawn = [.. series.Take(Marks.Length)];
        AnswerPoint[] points = [.. drawn.SelectMany(one => one.Points).Where(point => double.IsFinite(point.Value))];
        if (points.Length == 0)
        {
            return "";
        }
        (double low, double high) = Scale(points.Min(point => point.Value), points.Max(point => point.Value));
        (decimal first, decimal last) = (points.Min(point => point.Seconds), points.Max(point => point.Seconds));
        int columns = width - ScaleWidth - 3;
        var cells = new char[Height, columns];
        for (int index = 0; index < drawn.Length; index++)
        {
            foreach (AnswerPoint point in drawn[index].Points.Where(point => double.IsFinite(point.Value)))
            {
                int column = last == first ? 0 : (int)((point.Seconds - first) / (last - first) * (columns - 1));
                // Halves of the numbers: the distance between the largest ones is no number any more.
                int row = (int)Math.Round(((point.Value / 2) - (low / 2)) / ((high / 2) - (low / 2)) * (Height - 1));
                cells[Height - 1 - row, column] = Marks[index];
            }
        }
        return Text(cells, low, high, first, last, series.Count - drawn.Length);
    }

    /// <summary>A flat line stands in the middle.</summary>
    private static (double Low, double High) Scale(double low, double high)
    {
        double margin = low < high ? 0 : Math.Max(1, Math.Abs(low) / 2);
        return (low - margin, high + margin);
    }

    private static string Text(char[,] cells, double low, double high, decimal first, decimal last, int left)
    {
        int columns = cells.GetLength(1);
        var text = new StringBuilder();
        for (int row = 0; row < Height; row++)
        {
            double value = high - ((high - low) * row / (Height - 1));
            string scale = row % 5 == 0 ? value.ToString("G5", CultureInfo.InvariantCulture) : "";
            text.Append(scale.PadLeft(ScaleWidth)).Append(row % 5 == 0 ? " ┤" : " │");
            int used = columns;
            while (used > 0 && cells[row, used - 1] == '\0')
            {
                used--;
            }
            for (int column = 0; column < used; column++)
            {
                text.Append(cells[row, column] == '\0' ? ' ' : cells[row, column]);
            }
            text.AppendLine();
        }
        (string start, string end) = (Clock(first), Clock(last));
        text.Append(' ', ScaleWidth + 1).Append('└').Append('─', columns).AppendLine();
        text.Append(' ', ScaleWidth + 2).Append(start).AppendLine(end.PadLeft(Math.Max(0, columns - start.Length)));
        if (left > 0)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{left} more series are not drawn");
        }
        return text.AppendLine().ToString();
    }

    private static string Clock(decimal seconds) =>
        DateTimeOffset.FromUnixTimeSeconds((long)seconds).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
