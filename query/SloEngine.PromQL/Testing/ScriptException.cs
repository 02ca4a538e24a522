namespace SloEngine.PromQL.Testing;

/// <summary>A script that cannot be understood.</summary>
/// <param name="message">What is wrong, and where.</param>
public sealed class ScriptException(string message) : Exception(message);
