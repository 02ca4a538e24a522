namespace SloEngine.Storage.Tables;

/// <summary>Follows what can be read of <c>samples</c>. Called by the writers, so to be brief; safe for concurrent use.</summary>
public interface ISampleFollower
{
    /// <summary>Samples can be read from now on.</summary>
    void Added(SampleRun run);

    /// <summary>Samples may have come, gone or changed that nobody can name.</summary>
    void Lost();
}
