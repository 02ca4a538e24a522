namespace SloEngine.Alerting.Definitions;

/// <summary>Brings what is saved, SLOs and corrections, into use.</summary>
public interface ISloRefresh
{
    /// <summary>Reads what is saved; when the task completes it is in use.</summary>
    Task RefreshAsync(CancellationToken cancellation);
}
