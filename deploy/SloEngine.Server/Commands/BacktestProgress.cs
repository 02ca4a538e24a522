using System.Globalization;

namespace SloEngine.Server.Commands;

/// <summary>Shows how far a backtest is: one line that changes on a terminal, a line every few seconds elsewhere.</summary>
internal sealed class BacktestProgress(TextWriter output, bool isTerminal, TimeProvider time) : IProgress<double>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private DateTimeOffset _next = time.GetUtcNow() + Interval;

    public void Report(double value)
    {
        if (!isTerminal && time.GetUtcNow() < _next)
        {
            return;
        }
        _next = time.GetUtcNow() + Interval;
        string line = string.Create(CultureInfo.InvariantCulture, $"backtest: {value:0%}");
        output.Write(isTerminal ? $"\r\u001b[K{line}" : line + "\n");
        output.Flush();
    }

    /// <summary>Makes way for the report.</summary>
    public void End()
    {
        if (isTerminal)
        {
            output.Write("\r\u001b[K");
            output.Flush();
        }
    }
}
