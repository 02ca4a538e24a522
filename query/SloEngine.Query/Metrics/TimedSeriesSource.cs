using SloEngine.PromQL.Series;

namespace SloEngine.Query.Metrics;

/// <summary>A source that measures how long reading took, from its making on.</summary>
internal sealed class TimedSeriesSource(ISeriesSource source, TimeProvider time) : ISeriesSource
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>Time spent reading.</summary>
    public TimeSpan Reading { get; private set; }

    /// <summary>Time since it was made.</summary>
    public TimeSpan Total => time.GetElapsedTime(_began);

    public async ValueTask<IReadOnlyList<SeriesData>> SelectAsync(SeriesSelection selection, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        try
        {
            return await source.SelectAsync(selection, cancellation);
        }
        finally
        {
            Reading += time.GetElapsedTime(began);
        }
    }
}
