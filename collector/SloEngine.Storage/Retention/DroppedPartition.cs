namespace SloEngine.Storage.Retention;

/// <summary>Why a partition was dropped.</summary>
public enum DropReason
{
    /// <summary>All of its rows were older than is to be kept.</summary>
    Age,

    /// <summary>The store or the disk was about to be full.</summary>
    Size,

    /// <summary>Only rows that were older than is to be kept: the table has no days.</summary>
    AgeOfRows,

    /// <summary>Only the rows of tenants with a shorter retention went; the rest of the partition stays.</summary>
    Tenant,

    /// <summary>Descriptions of series that have no rows any more.</summary>
    Unused,
}

/// <summary>A partition that retention has dropped.</summary>
/// <param name="Table">The table.</param>
/// <param name="Partition">The day (<c>yyyyMMdd</c>) or month (<c>yyyyMM</c>); <c>all</c> of a table without.</param>
/// <param name="Rows">Rows that went.</param>
/// <param name="Bytes">Bytes on disk that they took; 0 where the engine cannot tell, as of single rows.</param>
/// <param name="Reason">Why.</param>
public sealed record DroppedPartition(string Table, string Partition, long Rows, long Bytes, DropReason Reason);
