namespace SloEngine.Server.Commands;

/// <summary>Exit codes of every command; part of the interface.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
}
